"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const make = (tag, attributes = {}, text = "") => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.textContent = text;
    return node;
  };

  // Tables: a button in each heading sorts by `data-value`, or by text. Cells without a value stay last.
  const order = (body, column, direction) => {
    const key = (row) => {
      const cell = row.cells[column];
      return "value" in cell.dataset ? Number(cell.dataset.value) : cell.textContent.trim();
    };
    const compare = (a, b) => {
      const [x, y] = [key(a), key(b)];
      if ((x === "–") !== (y === "–")) return x === "–" ? 1 : -1;
      return direction * (typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y), "en", { numeric: true }));
    };
    body.append(...[...body.rows].sort(compare));
  };
  for (const table of document.querySelectorAll("table[data-sortable]")) {
    const headings = [...table.tHead.rows[0].cells];
    headings.forEach((heading, column) => {
      const button = make("button", { type: "button" }, heading.textContent);
      heading.replaceChildren(button);
      heading.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => {
        const first = heading.classList.contains("word") ? "ascending" : "descending";
        const other = first === "ascending" ? "descending" : "ascending";
        const wanted = heading.getAttribute("aria-sort") === first ? other : first;
        for (const each of headings) each.setAttribute("aria-sort", each === heading ? wanted : "none");
        order(table.tBodies[0], column, wanted === "ascending" ? 1 : -1);
      });
    });
  }
  for (const details of document.querySelectorAll("details[data-folded]")) details.open = false;

  // Gallery.
  const { patches, methods, reference, tracks } = data.gallery;
  const template = document.getElementById("viewer-template");
  if (template) {
    const viewer = document.getElementById("viewer");
    viewer.append(template.content.cloneNode(true));
    viewer.hidden = false;
    const { method, patch, previous, next } = viewer.querySelector("form").elements;
    const panels = [...viewer.querySelectorAll(".panel")];
    methods.forEach((name, index) => method.append(make("option", { value: index }, name in tracks ? `${name} (${tracks[name]})` : name)));
    patches.forEach(({ name }, index) => patch.append(make("option", { value: index }, name)));
    const fill = (panel, title, layers, alt) => {
      panel.querySelector("figcaption").textContent = title;
      const images = layers.map((src, index) => make("img", { src, alt: index === layers.length - 1 ? alt : "" }));
      panel.firstElementChild.replaceChildren(...(images.length ? images : [make("span", { class: "nothing" }, alt)]));
    };
    const show = () => {
      const chosen = methods[method.value];
      const shown = patches[patch.value];
      const view = shown.views.find((each) => each.method === chosen);
      const full = shown.views.find((each) => each.method === reference);
      const absent = "No picture is stored for this run.";
      const [image, truth, weak, prediction, compared, errors] = panels;
      fill(image, "Image", [shown.image], `Test patch ${shown.name}`);
      fill(truth, "Truth", [shown.truth], `True classes: ${shown.contains}`);
      fill(weak, view ? `Weak label: ${view.given}` : "Weak label", view && view.weak.length ? [shown.image, ...view.weak] : [], view ? `Weak label: ${view.given}` : absent);
      fill(prediction, `Prediction of ${chosen}`, view ? [view.prediction] : [], view ? `Prediction of ${chosen}: ${view.scores}` : absent);
      fill(compared, `Prediction of ${reference}, the reference`, full ? [full.prediction] : [], full ? `Prediction of ${reference}: ${full.scores}` : absent);
      fill(errors, `Errors of ${chosen}`, view ? [shown.image, view.errors] : [], view ? `Wrong pixels of ${chosen}: ${view.scores}` : absent);
      viewer.querySelector(".status").textContent =
        `Patch ${Number(patch.value) + 1} of ${patches.length}, ${shown.name}. ${chosen}: ${view ? view.scores : absent}` + (full && chosen !== reference ? `; ${reference}: ${full.scores}.` : "");
    };
    const step = (select, by) => {
      select.value = (Number(select.value) + by + select.length) % select.length;
      show();
    };
    previous.addEventListener("click", () => step(patch, -1));
    next.addEventListener("click", () => step(patch, 1));
    for (const select of [method, patch]) select.addEventListener("change", show);
    const keys = { ArrowLeft: [patch, -1], ArrowRight: [patch, 1], ArrowUp: [method, -1], ArrowDown: [method, 1] };
    viewer.addEventListener("keydown", (event) => {
      if (!(event.key in keys) || event.target instanceof HTMLSelectElement || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      step(...keys[event.key]);
    });
    show();
  }

  // Charts: drawn when they come near, and again when light turns dark; plotly, which takes long to read, waits for the first of them. Colours are CSS variables by name.
  const style = getComputedStyle(document.documentElement);
  const resolved = (value, key = "") => {
    if (Array.isArray(value)) return value.map((each) => resolved(each));
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, resolved(each, name)]));
    const variable = key.endsWith("color") && /^var\((--[a-z0-9-]+)\)$/.exec(value);
    return variable ? style.getPropertyValue(variable[1]).trim() : value;
  };
  const library = document.getElementById("plotly");
  const draw = (plot) => {
    if (!("Plotly" in window)) document.head.append(make("script", {}, library.textContent)); // runs at once; the policy knows it by its hash
    const { data: traces, layout, config } = data.charts[plot.dataset.chart];
    Plotly.react(plot, resolved(traces), resolved(layout), config);
    plot.dataset.drawn = "";
    document.getElementById("js-plotly-tester")?.setAttribute("aria-hidden", "true"); // where plotly measures text
  };
  addEventListener("DOMContentLoaded", () => {
    const plots = [...document.querySelectorAll(".plot")];
    const near = new IntersectionObserver(
      (entries) => entries.filter((entry) => entry.isIntersecting).forEach(({ target }) => (near.unobserve(target), draw(target))),
      { rootMargin: "600px" },
    );
    for (const plot of plots) {
      plot.hidden = false;
      near.observe(plot);
    }
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => plots.filter((plot) => "drawn" in plot.dataset).forEach(draw));
    addEventListener("beforeprint", () => plots.forEach(draw));
  });
})();
