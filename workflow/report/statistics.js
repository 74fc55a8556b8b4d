// The statistics of a comparison, as trainmark/analysis/comparison_statistics.py has them; a test holds both together.

// Log of the beta function of a and 1/2: the recurrence of the gamma function up to 12, from there on the asymptotic
// series of the quotient of two of its values (DLMF 5.11.13).
function logBetaHalf(a) {
  let below = 0;
  for (; a < 12; a += 1) below += Math.log(a / (a + 0.5));
  const s = 1 / a;
  const series = -s / 8 + s ** 3 / 192 - s ** 5 / 640 + 17 * s ** 7 / 14336 - 31 * s ** 9 / 18432;
  return 0.5 * Math.log(Math.PI) - (below + 0.5 * Math.log(a) + series);
}

// The continued fraction of the incomplete beta function (DLMF 8.17.22), by Lentz' method.
function betaFraction(x, a, b) {
  let c = 1, d = 1 / (1 - (a + b) * x / (a + 1)), found = d;
  for (let m = 1; m < 100000; m += 1) {
    const even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    const odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    for (const part of [even, odd]) {
      d = 1 / (1 + part * d);
      c = 1 + part / c;
      found *= c * d;
    }
    if (Math.abs(c * d - 1) < 2e-16) break;
  }
  return found;
}

// Probability that Student's t is beyond t on either side.
function studentTails(t, freedom) {
  const a = freedom / 2, x = freedom / (freedom + t * t), y = t * t / (freedom + t * t);
  const front = Math.exp(-a * Math.log1p(t * t / freedom) + 0.5 * Math.log(y) - logBetaHalf(a));
  if (x < (a + 1) / (a + 2.5)) return front * betaFraction(x, a, 0.5) / a;
  return 1 - 2 * front * betaFraction(y, 0.5, a);
}

// The t beyond which 5 % lie on both sides together, by Newton's method from below.
function studentQuantile(freedom) {
  if (!(freedom > 0)) return NaN;
  const normal = 1.959963984540054;
  let t = normal * (1 + (normal * normal + 1) / (4 * freedom) * (freedom > 2 ? 1 : 0.5));
  for (let i = 0; i < 100; i += 1) {
    const logDensity = -logBetaHalf(freedom / 2) - 0.5 * Math.log(freedom)
      - (freedom + 1) / 2 * Math.log1p(t * t / freedom);
    const step = (studentTails(t, freedom) - 0.05) / (2 * Math.exp(logDensity));
    t += step;
    if (Math.abs(step) < 1e-14 * t) break;
  }
  return t;
}

// Log of baseline over candidate, its standard error and its degrees of freedom (Welch and Satterthwaite). A side is a
// test case: n runs, mean and variance of the logs.
function compareCases(candidate, baseline) {
  const a = baseline.variance / baseline.n, b = candidate.variance / candidate.n;
  const weight = a * a / (baseline.n - 1) + b * b / (candidate.n - 1);
  return { log: baseline.mean - candidate.mean, error: Math.sqrt(a + b), freedom: (a + b) ** 2 / weight };
}

// The geometric mean of several ratios, of the same form.
function meanOf(ratios) {
  let log = 0, variance = 0, weight = 0;
  for (const each of ratios) {
    log += each.log;
    variance += each.error ** 2;
    weight += each.error ** 4 / each.freedom || 0; // two equal runs have no error, and no degrees of freedom
  }
  return { log: log / ratios.length, error: Math.sqrt(variance) / ratios.length, freedom: variance ** 2 / weight };
}

// The ratio with its 95 % interval, whose ends are NaN where either side has no repeats.
function intervalOf({ log, error, freedom }) {
  const half = error === 0 ? 0 : studentQuantile(freedom) * error;
  return { ratio: Math.exp(log), low: Math.exp(log - half), high: Math.exp(log + half) };
}
