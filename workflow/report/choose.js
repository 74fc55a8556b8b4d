// The reader's choice: experiment, measure, baseline, machines, devices, stacks, models and batch sizes. It stands in the
// address behind "#choose?", so that it can be sent. Every ratio is computed from the moments in the page's data.
const SHOWN_ROWS = 50, DRAWN_ROWS = 14, LISTED = 100;

// An element with attributes and children; texts stay texts.
function make(tag, attributes = {}, ...children) {
  const svg = ["svg", "g", "line", "circle", "rect", "path", "text", "title"].includes(tag);
  const found = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) found.addEventListener(name.slice(2), value);
    else if (value === true) found.setAttribute(name, "");
    else if (value !== false && value != null) found.setAttribute(name, value);
  }
  found.append(...children);
  return found;
}

const significant = value => value >= 100 ? Math.round(value).toLocaleString("en-US") : value.toPrecision(3);
const rounded = value => Math.round(value).toLocaleString("en-US");
const withInterval = ({ ratio, low, high }) =>
  significant(ratio) + (isNaN(low) ? "" : ` [${significant(low)}, ${significant(high)}]`);
const several = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
const inWords = words => words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`;

class Chooser {
  constructor(data, section) {
    this.data = data;
    this.section = section;
    this.sentence = section.querySelector("h2");
    this.said = this.sentence.textContent;
    this.printed = [...section.children].slice(1); // all that comes below the sentence
    for (const each of data.experiments) this.prepare(each);
    this.form = make("form", { class: "choose", "aria-label": "Choose what is compared", onsubmit: e => e.preventDefault() });
    this.live = make("div", { class: "beside live" });
    this.matrix = make("div");
    this.all = false;
    this.sentence.after(this.form, this.live, this.matrix);
    this.sentence.setAttribute("aria-live", "polite");
    this.read();
    addEventListener("hashchange", () => { if (/^#choose\b/.test(location.hash)) this.read(); });
  }

  // Test cases as objects, by series, model and batch size; both measures alike.
  prepare(experiment) {
    const { series, models, sizes } = experiment;
    const cases = (columns, ...more) => {
      const found = new Map();
      const of = name => place => Array.isArray(columns[name]) ? columns[name][place] : columns[name];
      if (!columns) return found;
      const [n, alike, mean, variance, ...others] = ["n", "alike", "mean", "variance", ...more].map(of);
      let place = -1;
      series.forEach((_, number) => models.forEach((_, model) => sizes.forEach((_, size) => {
        place += 1;
        if (n(place) == null) return;
        if (!found.has(number)) found.set(number, new Map());
        found.get(number).set(model * 1000 + size, { series: number, model, size, alike: alike(place), n: n(place),
          mean: mean(place), variance: variance(place) ?? NaN, more: others.map(each => each(place)) });
      })));
      return found;
    };
    experiment.cases = { time: cases(experiment.times, "seconds", "rate", "accuracy"),
      energy: cases(experiment.energies, "joules", "scope") };
    const axes = [0, 1, 2].map(axis => new Set(experiment.series.map(each => each[axis])));
    [experiment.machines, experiment.devices, experiment.stacks] = axes.map(axis => [...axis].sort());
    experiment.labels = experiment.series.map(([machine, device, stack]) =>
      [machine, device.toUpperCase(), ...(experiment.stacks.length > 1 ? [stack] : [])].join(", "));
    experiment.ids = experiment.series.map(each => each.slice(0, 3).join("~"));
  }

  // The choice that the address holds; what it does not name, or names wrongly, is as it was printed.
  read() {
    const given = new URLSearchParams(/^#choose\?/.test(location.hash) ? location.hash.slice(8) : "");
    const found = this.data.experiments.find(each => each.key === given.get("experiment"));
    this.experiment = found ?? this.data.experiments[0];
    const baseline = this.experiment.ids.indexOf(given.get("baseline"));
    this.baseline = baseline < 0 ? this.experiment.baseline : baseline;
    this.measure = given.get("measure") === "energy" && this.experiment.energies ? "energy" : "time";
    this.chosen = {};
    for (const axis of ["machines", "devices", "stacks", "models", "sizes"]) {
      const known = this.experiment[axis].map(String);
      const wanted = given.has(axis) ? given.getAll(axis).filter(value => known.includes(value)) : known;
      this.chosen[axis] = new Set(wanted.length ? wanted : known);
    }
    this.all = false;
    this.control();
    this.show();
  }

  // What is chosen, as it stands in the address; empty where all is as it was printed.
  address() {
    const given = new URLSearchParams(), experiment = this.experiment;
    if (experiment !== this.data.experiments[0]) given.set("experiment", experiment.key);
    if (this.measure !== "time") given.set("measure", this.measure);
    if (this.baseline !== experiment.baseline) given.set("baseline", experiment.ids[this.baseline]);
    for (const [axis, values] of Object.entries(this.chosen)) {
      if (values.size !== experiment[axis].length) for (const value of values) given.append(axis, value);
    }
    return String(given);
  }

  changed() {
    const address = this.address();
    history.replaceState(null, "", address ? `#choose?${address}` : "#choose");
    this.show();
  }

  // ---- The controls ----

  control() {
    const { experiment } = this;
    const fields = [];
    if (this.data.experiments.length > 1) {
      fields.push(this.select("Experiment", this.data.experiments.map(each => each.name),
        this.data.experiments.indexOf(experiment), number => {
          history.replaceState(null, "", number ? `#choose?experiment=${this.data.experiments[number].key}` : "#choose");
          this.read();
        }));
    }
    const lone = experiment.series.length < 2;
    if (!lone) fields.push(this.select("Against", experiment.labels, this.baseline, number => { this.baseline = number; this.changed(); }));
    if (experiment.energies && !lone) {
      fields.push(this.select("Measure", ["time to train", "energy"], this.measure === "energy" ? 1 : 0,
        number => { this.measure = number ? "energy" : "time"; this.changed(); }));
    }
    const names = { machines: "Machines", devices: "Devices", stacks: "Stacks", models: "Models", sizes: "Batch sizes" };
    for (const [axis, name] of Object.entries(names)) {
      if (experiment[axis].length > 1 && !lone) fields.push(this.several(axis, name));
    }
    const reset = make("button", { type: "button", onclick: () => {
      history.replaceState(null, "", "#choose");
      this.read();
    } }, "Reset");
    this.form.replaceChildren(...fields, ...(lone ? [] : [reset]));
  }

  select(name, options, chosen, change) {
    const list = options.map((text, number) => make("option", { value: number, selected: number === chosen }, text));
    return make("label", {}, `${name} `, make("select", { onchange: event => change(Number(event.target.value)) }, ...list));
  }

  // A list of check boxes that folds open; a long one can be searched.
  several(axis, name) {
    const values = this.experiment[axis].map(String), chosen = this.chosen[axis];
    const text = () => `${name}: ${chosen.size === values.length ? `all ${values.length}` : chosen.size <= 2
      ? [...chosen].map(value => this.word(axis, value)).join(", ") : `${chosen.size} of ${values.length}`}`;
    const summary = make("summary", {}, text());
    const boxes = make("div", { class: "boxes", role: "group", "aria-label": name });
    let sought = "";
    const found = () => values.filter(value => value.toLowerCase().includes(sought));
    const fill = () => {
      const shown = found();
      boxes.replaceChildren(...shown.slice(0, LISTED).map(value => make("label", {}, make("input", {
        type: "checkbox", name: axis, value, checked: chosen.has(value),
        onchange: event => { if (event.target.checked) chosen.add(value); else chosen.delete(value); update(); },
      }), ` ${this.word(axis, value)}`)));
      if (shown.length > LISTED) boxes.append(make("p", {}, `${shown.length - LISTED} more: type to find them.`));
    };
    const update = () => { summary.textContent = text(); this.changed(); };
    const set = on => () => { for (const value of found()) if (on) chosen.add(value); else chosen.delete(value); fill(); update(); };
    const tools = [make("button", { type: "button", onclick: set(true) }, "All"), make("button", { type: "button", onclick: set(false) }, "None")];
    if (values.length > 12) {
      tools.unshift(make("input", { type: "search", "aria-label": `Find in ${name.toLowerCase()}`, placeholder: "Find",
        oninput: event => { sought = event.target.value.trim().toLowerCase(); fill(); } }));
    }
    const list = make("div", { class: "list" }, make("div", { class: "tools" }, ...tools), boxes);
    const folded = make("details", {}, summary, list);
    folded.addEventListener("toggle", () => { if (folded.open && !boxes.childElementCount) fill(); });
    folded.addEventListener("keydown", event => {
      if (event.key === "Escape") { folded.open = false; summary.focus(); }
    });
    return folded;
  }

  word(axis, value) {
    return axis === "devices" ? value.toUpperCase() : value;
  }

  // ---- The comparison ----

  // In what two test cases did not compute alike, in words; empty where they did. Unknown values count as equal.
  differences(candidate, baseline) {
    if (candidate.alike === baseline.alike && this.measure !== "energy") return ""; // as nearly all of thousands are
    const { series, alike } = this.experiment, scopes = this.data.scopes;
    const stack = series[candidate.series][2] === series[baseline.series][2];
    const device = stack && series[candidate.series][1] === series[baseline.series][1];
    const found = [];
    this.data.resolved.forEach(([name, where], number) => {
      const applies = where === "always" || where === "stack" && stack || where === "device" && device;
      const a = alike[candidate.alike][number], b = alike[baseline.alike][number];
      if (applies && a !== null && b !== null && a !== b) found.push(`${name} ${a} against ${b}`);
    });
    if (this.measure === "energy") {
      const [a, b] = [candidate, baseline].map(each => scopes[each.more[1]]);
      if (a !== b) found.push(`${a} against ${b}`);
    }
    return found.join("; ");
  }

  // Each chosen series with its test cases against the baseline's, the fastest first.
  compare() {
    const { experiment, chosen } = this, cases = experiment.cases[this.measure];
    const keys = [];
    experiment.models.forEach((model, m) => experiment.sizes.forEach((size, s) => {
      if (chosen.models.has(model) && chosen.sizes.has(String(size))) keys.push(m * 1000 + s);
    }));
    const base = cases.get(this.baseline) ?? new Map();
    const rows = [];
    experiment.series.forEach(([machine, device, stack, doubts], number) => {
      const wanted = chosen.machines.has(machine) && chosen.devices.has(device) && chosen.stacks.has(stack);
      if (!wanted && number !== this.baseline) return;
      const mine = cases.get(number) ?? new Map(), pairs = new Map();
      let unlike = "";
      for (const key of keys) {
        const candidate = mine.get(key), baseline = base.get(key);
        if (!candidate || !baseline) continue;
        const differs = this.differences(candidate, baseline);
        if (differs) unlike = differs;
        else pairs.set(key, { ...compareCases(candidate, baseline), candidate, baseline });
      }
      const there = keys.filter(key => mine.has(key));
      if (!there.length && number !== this.baseline) return;
      const byModel = experiment.models.map((_, m) => this.mean([...pairs].filter(([key]) => Math.floor(key / 1000) === m)));
      const rates = there.map(key => Math.log(mine.get(key).more[this.measure === "energy" ? 0 : 1]));
      const rate = rates.length ? Math.exp(rates.reduce((a, b) => a + b, 0) / rates.length) : NaN;
      rows.push({ number, doubts, unlike, pairs, mine, byModel, rate, overall: this.mean([...pairs]), wanted });
    });
    const most = Math.max(0, ...rows.map(row => row.pairs.size));
    const rank = row => row.pairs.size < most ? 1 : 0;
    rows.sort((a, b) => rank(a) - rank(b) || (b.overall?.log ?? -1e9) - (a.overall?.log ?? -1e9) || a.number - b.number);
    return { rows, keys };
  }

  // The baseline against itself is 1, with no interval.
  mean(pairs) {
    if (!pairs.length) return null;
    const itself = pairs[0][1].candidate === pairs[0][1].baseline;
    return itself ? { log: 0, error: NaN, freedom: NaN } : meanOf(pairs.map(pair => pair[1]));
  }

  // Which is fastest, or used least, in one sentence that is true of every test case.
  say(rows, keys) {
    const word = this.measure === "energy" ? "uses least energy" : "is fastest";
    const wins = new Map();
    let shared = 0;
    for (const key of keys) {
      const there = rows.filter(row => row.wanted && row.pairs.has(key));
      if (there.length < 2) continue;
      shared += 1;
      const best = there.reduce((a, b) => b.pairs.get(key).log > a.pairs.get(key).log ? b : a);
      wins.set(best.number, [...(wins.get(best.number) ?? []), key]);
    }
    if (!shared) return "No model and batch size was measured on two of the chosen sides alike, so there is nothing to compare.";
    const combinations = `${several(shared, "combination")} of model and batch size`;
    const ranked = [...wins].sort((a, b) => b[1].length - a[1].length);
    const name = number => this.experiment.labels[number];
    if (ranked.length === 1) return `${name(ranked[0][0])} ${word} in all ${combinations} chosen.`;
    const axes = [[key => key % 1000, "at batch size", "at batch sizes", value => String(this.experiment.sizes[value])],
      [key => Math.floor(key / 1000), "with", "with", value => this.experiment.models[value]]];
    for (const [axis, one, many, text] of axes) {
      const owners = ranked.map(([number, won]) => [number, [...new Set(won.map(axis))].sort((a, b) => a - b)]);
      const values = owners.flatMap(each => each[1]);
      if (new Set(values).size !== values.length) continue;
      const parts = owners.map(([number, won], i) =>
        `${name(number)}${i ? "" : ` ${word}`} ${won.length === 1 ? one : many} ${inWords(won.map(text))}`);
      return `${parts[0]}, ${inWords(parts.slice(1))}.`;
    }
    const parts = ranked.slice(0, 4).map(([number, won]) => `${name(number)} in ${won.length}`);
    if (ranked.length > 4) parts.push(`${ranked.length - 4} more`);
    const best = this.measure === "energy" ? "the least energy is used by" : "the fastest is";
    return `None ${word} throughout. Of ${combinations}, ${best} ${parts.join(", ")}.`;
  }

  // ---- What is shown ----

  show() {
    const { experiment } = this, first = experiment === this.data.experiments[0], lone = experiment.series.length < 2;
    // Below a comparison, the ranking and its picture alone are replaced: what was printed below them is of the first experiment.
    for (const part of this.printed) part.hidden = part.matches(".beside") ? !(first && lone) : !first;
    this.live.hidden = this.matrix.hidden = first && lone;
    if (lone) {
      this.sentence.textContent = first ? this.said : this.sayAlone();
      this.live.replaceChildren(this.times());
      this.matrix.replaceChildren();
      watchScrolling(this.live);
      return;
    }
    const { rows, keys } = this.compare();
    this.sentence.textContent = this.address() ? this.say(rows, keys) : this.said;
    const shown = rows.filter(row => row.overall).slice(0, DRAWN_ROWS);
    this.live.replaceChildren(this.ranking(rows), ...(shown.length > 1 ? [this.picture(shown)] : []));
    this.matrix.replaceChildren(this.cases(rows, keys));
    watchScrolling(this.live);
    watchScrolling(this.matrix);
  }

  // One series alone: its own times.
  sayAlone() {
    const seconds = [...(this.experiment.cases.time.get(0) ?? new Map()).values()].map(each => each.more[0]);
    const doubts = this.experiment.series[0][3];
    return `${this.experiment.labels[0]} trains each of ${several(seconds.length, "combination")} of model and batch size in `
      + `${significant(Math.min(...seconds))} to ${significant(Math.max(...seconds))} s.${doubts ? ` What speaks against it: ${doubts}.` : ""}`;
  }

  times() {
    const { experiment } = this, cases = experiment.cases.time.get(0) ?? new Map();
    const parts = [["Time to train (s)", significant], ["Samples/s", rounded], ["Test accuracy", value => value.toFixed(3)]];
    const sizes = experiment.sizes.map(size => make("th", { scope: "col", class: "number" }, rounded(size)));
    const body = experiment.models.map((model, m) => make("tr", {}, make("th", { scope: "row" }, model),
      ...parts.flatMap(([, text], part) => experiment.sizes.map((_, s) => {
        const value = cases.get(m * 1000 + s)?.more[part];
        return make("td", { class: "number" }, value == null ? "" : text(value));
      }))));
    const name = `Times of ${experiment.labels[0]}`;
    const table = make("table", { "data-name": "choice", class: "matrix", "aria-label": name }, make("thead", {},
      make("tr", {}, make("th", { rowspan: 2, scope: "col" }, "Model"), ...parts.map(([text]) => make("th", { scope: "colgroup", colspan: sizes.length }, text))),
      make("tr", {}, ...parts.flatMap(() => sizes.map(th => th.cloneNode(true))))), make("tbody", {}, ...body));
    return make("figure", { class: "table" }, make("figcaption", {}, make("b", {}, name), ". A column for each batch size; medians of the runs."),
      make("div", { class: "scroll" }, table));
  }

  ranking(rows) {
    const { experiment } = this, energy = this.measure === "energy";
    const models = experiment.models.filter(model => this.chosen.models.has(model));
    const head = ["Machine and device", "Overall [95 %]", ...models, energy ? "Joules" : "Samples/s", "Trust"];
    const body = rows.slice(0, this.all ? rows.length : SHOWN_ROWS).map(row => make("tr", { class: row.overall ? null : "grey" },
      make("th", { scope: "row" }, experiment.labels[row.number]),
      make("td", { class: "number" }, row.overall ? withInterval(intervalOf(row.overall)) : row.unlike ? "not comparable" : "nothing in common"),
      ...experiment.models.map((model, m) => [model, row.byModel[m]]).filter(([model]) => models.includes(model))
        .map(([, mean]) => make("td", { class: "number" }, mean ? significant(Math.exp(mean.log)) : "-")),
      make("td", { class: "number" }, isNaN(row.rate) ? "-" : energy ? significant(row.rate) : rounded(row.rate)),
      make("td", { class: "long" }, row.unlike ? `\u26a0 ${row.unlike}` : row.doubts ? `\u26a0 ${row.doubts}` : "\u2713")));
    const note = `Times ${energy ? "less energy than" : "as fast as"} ${experiment.labels[this.baseline]}: geometric means over the `
      + "batch sizes that both have. \u2713: repeated, undisturbed, steady, and all of it learned. \u26a0: what speaks against the figures.";
    const table = make("table", { "data-name": "choice", "aria-label": "Ranking" },
      make("thead", {}, make("tr", {}, ...head.map((text, i) => make("th", { scope: "col", class: i && i < head.length - 1 ? "number" : null }, text)))),
      make("tbody", {}, ...body));
    const figure = make("figure", { class: "table" }, make("figcaption", {}, make("b", {}, "Ranking"), ` (${several(rows.length, "row")}). ${note}`),
      make("div", { class: "scroll", role: "group", "aria-label": "Ranking" }, table));
    equip(table);
    if (body.length < rows.length) {
      figure.append(make("button", { type: "button", onclick: () => { this.all = true; this.show(); } }, `Show all ${rounded(rows.length)} rows`));
    }
    return figure;
  }

  // Each series a row: its mean with its interval, and the means of the models, on a logarithmic axis.
  picture(rows) {
    const { experiment } = this;
    const models = experiment.models.map((model, m) => [model, m]).filter(([model]) => this.chosen.models.has(model));
    const all = rows.flatMap(row => [intervalOf(row.overall), ...row.byModel.filter(Boolean).map(mean => ({ ratio: Math.exp(mean.log) }))]);
    const values = all.flatMap(({ ratio, low, high }) => [ratio, low, high]).filter(value => value > 0 && isFinite(value));
    const low = Math.min(1, ...values) / 1.12, high = Math.max(1, ...values) * 1.12;
    const width = Math.min(460, Math.max(300, this.section.clientWidth)), left = 10, step = 40, top = 26, height = top + rows.length * step + 44;
    const place = value => left + (width - 2 * left) * Math.log(value / low) / Math.log(high / low);
    const energy = this.measure === "energy";
    const finding = rows.map(row => `${experiment.labels[row.number]} ${withInterval(intervalOf(row.overall))}`).slice(0, 4).join("; ");
    const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, class: "live", tabindex: 0, role: "img",
      "aria-label": `Times ${energy ? "less energy than" : "as fast as"} ${experiment.labels[this.baseline]}: ${finding}. Arrow keys read the points.` });
    const said = make("output", { class: "said" });
    const points = [];
    for (const tick of ticksBetween(low, high)) {
      svg.append(make("line", { x1: place(tick), x2: place(tick), y1: top - 6, y2: height - 38, class: "grid" }),
        ...[12, height - 22].map(y => make("text", { x: place(tick), y, "text-anchor": "middle" }, String(tick))));
    }
    svg.append(make("line", { x1: place(1), x2: place(1), y1: top - 6, y2: height - 38, class: "one" }),
      make("text", { x: width - left, y: height - 5, "text-anchor": "end" }, energy ? "times less energy (logarithmic)" : "times as fast (logarithmic)"));
    rows.forEach((row, i) => {
      const y = top + i * step + 22, { ratio, low: from, high: to } = intervalOf(row.overall);
      svg.append(make("text", { x: left, y: y - 12, class: "name" }, experiment.labels[row.number]));
      if (!isNaN(from)) svg.append(make("line", { x1: place(from), x2: place(to), y1: y, y2: y, class: "interval" }));
      const add = (shape, text) => { shape.append(make("title", {}, text)); svg.append(shape); points.push([shape, text]); };
      const who = experiment.labels[row.number];
      models.forEach(([model, m], position) => {
        if (!row.byModel[m] || models.length < 2) return;
        const at = Math.exp(row.byModel[m].log);
        add(marker(position, place(at), y), `${who}, ${model}: ${withInterval(intervalOf(row.byModel[m]))}`);
      });
      add(make("circle", { cx: place(ratio), cy: y, r: 5.5, class: "mean" }),
        `${who}, ${models.length > 1 ? "overall" : models[0][0]}: ${withInterval({ ratio, low: from, high: to })}`);
    });
    let at = -1;
    const tell = number => {
      points[at]?.[0].classList.remove("at");
      at = (number + points.length) % points.length;
      points[at][0].classList.add("at");
      said.textContent = points[at][1];
    };
    svg.addEventListener("keydown", event => {
      const move = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (move) { event.preventDefault(); tell(at < 0 && move < 0 ? points.length - 1 : at + move); }
    });
    points.forEach(([shape], number) => shape.addEventListener("pointerenter", () => tell(number)));
    const legend = models.length > 1 ? [make("p", { class: "legend" }, swatch(null), " overall", ...models.flatMap(([model], i) => ["  ", swatch(i), ` ${model}`]))] : [];
    return make("figure", {}, svg, ...legend, make("figcaption", {}, `1: ${experiment.labels[this.baseline]}. Lines: 95 % intervals.`
      + (rows.length === DRAWN_ROWS ? ` The first ${DRAWN_ROWS} rows.` : "")), said);
  }

  // Every test case of every chosen series: a ratio each, shaded by how far it is from 1.
  cases(rows, keys) {
    const { experiment } = this, energy = this.measure === "energy";
    const shown = rows.slice(0, this.all ? rows.length : SHOWN_ROWS);
    const models = [...new Set(keys.map(key => Math.floor(key / 1000)))];
    const groups = models.map(m => make("th", { scope: "colgroup", colspan: keys.filter(key => Math.floor(key / 1000) === m).length }, experiment.models[m]));
    const unit = energy ? "J" : "s";
    const body = shown.map(row => make("tr", {}, make("th", { scope: "row" }, experiment.labels[row.number]), ...keys.map(key => {
      const pair = row.pairs.get(key), mine = row.mine.get(key);
      if (!pair) return make("td", { class: "number", title: mine ? `${significant(mine.more[0])} ${unit}, compared with nothing` : null }, mine ? "\u00d7" : "");
      const itself = pair.candidate === pair.baseline, found = intervalOf(pair);
      const unsure = !itself && found.low <= 1 && found.high >= 1;
      const words = itself ? `${significant(mine.more[0])} ${unit}` : `${withInterval(found)}: ${significant(pair.candidate.more[0])} ${unit}`
        + ` (${several(pair.candidate.n, "run")}) against ${significant(pair.baseline.more[0])} ${unit} (${several(pair.baseline.n, "run")})`;
      return make("td", { class: `number ${shadeOf(found.ratio)}`, title: words }, itself ? "1" : (unsure ? "\u2248 " : "") + significant(found.ratio));
    })));
    const table = make("table", { "data-name": "choice-cases", class: "matrix", "aria-label": "By model and batch size" }, make("thead", {},
      make("tr", {}, make("th", { rowspan: 2, scope: "col" }, "Machine and device"), ...groups),
      make("tr", {}, ...keys.map(key => make("th", { scope: "col", class: "number" }, String(experiment.sizes[key % 1000]))))), make("tbody", {}, ...body));
    const note = `Times ${energy ? "less energy than" : "as fast as"} ${experiment.labels[this.baseline]}, by model and batch size. `
      + "\u2248: the 95 % interval includes 1, so the difference may be chance. \u00d7: measured, but not comparable. The values behind a ratio show when you point at it.";
    const folded = make("details", { class: "matrix", open: this.open ?? false }, make("summary", {}, "By model and batch size"),
      make("figure", { class: "table" }, make("figcaption", {}, note), make("div", { class: "scroll", role: "group", "aria-label": "By model and batch size" }, table)));
    folded.addEventListener("toggle", () => { this.open = folded.open; });
    return folded;
  }
}

// How dark a ratio's cell is: a step for each factor of 1.25, 1.6, 2.5 and 5 from 1.
function shadeOf(ratio) {
  const far = Math.abs(Math.log(ratio));
  const level = [1.05, 1.25, 1.6, 2.5, 5].filter(step => far >= Math.log(step)).length;
  return level ? `${ratio > 1 ? "up" : "down"}${level}` : "even";
}

// Round numbers on a logarithmic axis, at most seven.
function ticksBetween(low, high) {
  const found = digits => {
    const ticks = [];
    for (let decade = Math.floor(Math.log10(low)); decade <= Math.log10(high); decade += 1) {
      for (const digit of digits) {
        const tick = Number(`${digit}e${decade}`);
        if (tick >= low && tick <= high) ticks.push(tick);
      }
    }
    return ticks;
  };
  const all = [[1, 1.1, 1.2, 1.3, 1.5, 1.7, 2, 2.5, 3, 4, 5, 6, 7, 8, 9], [1, 1.5, 2, 3, 4, 6, 8], [1, 2, 5], [1, 3], [1]].map(found);
  return all.find(ticks => ticks.length <= 7) ?? all.at(-1);
}

// A model's marker: square, triangle, diamond, and so on.
function marker(number, x, y) {
  const shapes = ["M-4-4H4V4H-4Z", "M0-5L5 4H-5Z", "M0-5.5L5.5 0 0 5.5-5.5 0Z", "M-5-4H5L0 5Z"];
  return make("path", { d: shapes[number % shapes.length], transform: `translate(${x} ${y})`, class: "model" });
}

function swatch(number) {
  const shape = number === null ? make("circle", { r: 5.5, cx: 7, cy: 7, class: "mean" }) : marker(number, 7, 7);
  return make("svg", { width: 14, height: 14, viewBox: "0 0 14 14", class: "live swatch", "aria-hidden": "true" }, shape);
}

const choiceData = document.getElementById("choices");
const chooser = choiceData && new Chooser(JSON.parse(choiceData.textContent), document.querySelector("section.first"));
