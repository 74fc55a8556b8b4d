"""Tests of trainmark.dataset.invented."""

import dataclasses

import numpy as np
from trainmark.dataset import cifar, fashion_mnist, invented


def test_invented_data_have_the_published_shapes_and_can_be_learned(tmp_path):
    for published in (fashion_mnist.DATA, cifar.data_set(cifar.CIFAR_10)):
        small = dataclasses.replace(published, train_images=400, test_images=100)
        data, folder = invented.like(small), tmp_path / published.name
        assert (data.name, data.sha256, data.invented) == (f"invented-{published.name}", {}, True)
        assert data.folder != published.folder
        files, _ = data.obtain(None, False)
        data.save(files, folder)
        assert data.is_decoded(folder)
        train, validation, test = data.load_split(folder, 300, 100, 100)
        assert train[0].shape == (300, *published.image_shape)
        assert 0 <= train[0].min() < train[0].max() <= 1
        assert set(train[1]) == set(range(published.classes))
        means = np.array([train[0][train[1] == label].mean(axis=0) for label in range(published.classes)])
        for images, labels in (validation, test):
            far = ((images[:, None] - means) ** 2).reshape(len(images), published.classes, -1).sum(axis=2)
            assert (far.argmin(axis=1) == labels).mean() > 0.95  # the nearest class is the right one
