"use strict";

// What the page does beyond being read: sort tables, step through the gallery, draw charts.
// The policy of the page allows this script by its hash.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);

  const makeElement = (tag, attributes = {}, text = "") => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      element.setAttribute(name, value);
    }
    // Never as HTML: names come from scenarios and records.
    element.textContent = text;
    return element;
  };

  // ---- Tables: a button in each heading sorts the lines.

  const NOTHING = "–";

  // What a line is sorted by: the number of its cell, or the text where it has none.
  const sortKey = (line, column) => {
    const cell = line.cells[column];
    return "value" in cell.dataset ? Number(cell.dataset.value) : cell.textContent.trim();
  };

  const compareKeys = (a, b) => {
    if (typeof a === "number" && typeof b === "number") return a - b;
    return String(a).localeCompare(String(b), "en", { numeric: true });
  };

  const sortLines = (body, column, isAscending) => {
    const compareLines = (first, second) => {
      const a = sortKey(first, column);
      const b = sortKey(second, column);
      // Lines without an entry stay last, whatever the direction.
      if (a === NOTHING || b === NOTHING) return (a === NOTHING) - (b === NOTHING);
      return isAscending ? compareKeys(a, b) : compareKeys(b, a);
    };
    body.append(...[...body.rows].sort(compareLines));
  };

  const makeSortable = (table) => {
    const headings = [...table.tHead.rows[0].cells];
    headings.forEach((heading, column) => {
      const button = makeElement("button", { type: "button" }, heading.textContent);
      heading.replaceChildren(button);
      heading.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => {
        // Words start at A, numbers at the largest; a second click turns the order round.
        const isWord = heading.classList.contains("word");
        const [first, second] = isWord ? ["ascending", "descending"] : ["descending", "ascending"];
        const order = heading.getAttribute("aria-sort") === first ? second : first;
        for (const other of headings) {
          other.setAttribute("aria-sort", other === heading ? order : "none");
        }
        sortLines(table.tBodies[0], column, order === "ascending");
      });
    });
  };

  // ---- Gallery: one patch and one method at a time, beside the truth and the reference.

  const NO_PICTURE = "No picture is stored for this run.";

  const fillPanel = (panel, title, layers, description) => {
    panel.querySelector("figcaption").textContent = title;
    const images = layers.map((source, index) => {
      // Layers lie over each other: the top one speaks for all.
      const isTop = index === layers.length - 1;
      return makeElement("img", { src: source, alt: isTop ? description : "" });
    });
    if (!images.length) images.push(makeElement("span", { class: "nothing" }, description));
    panel.querySelector(".stack").replaceChildren(...images);
  };

  const startGallery = ({ patches, methods, reference, tracks }, template) => {
    const viewer = document.getElementById("viewer");
    viewer.append(template.content.cloneNode(true));
    viewer.hidden = false;
    const controls = viewer.querySelector("form").elements;
    const { method: methodSelect, patch: patchSelect } = controls;
    const panels = [...viewer.querySelectorAll(".panel")];
    const status = viewer.querySelector(".status");

    methods.forEach((name, index) => {
      const label = name in tracks ? `${name} (${tracks[name]})` : name;
      methodSelect.append(makeElement("option", { value: index }, label));
    });
    patches.forEach(({ name }, index) => {
      patchSelect.append(makeElement("option", { value: index }, name));
    });

    // The panels of a method; without a view of the patch, they say that there is no picture.
    const fillWeakLabel = (panel, patch, view) => {
      const title = view ? `Weak label: ${view.label_summary}` : "Weak label";
      const hasLayers = view && view.weak_label.length;
      fillPanel(panel, title, hasLayers ? [patch.image, ...view.weak_label] : [], view ? title : NO_PICTURE);
    };
    const fillPrediction = (panel, title, method, view) => {
      const description = view ? `Prediction of ${method}: ${view.score_summary}` : NO_PICTURE;
      fillPanel(panel, title, view ? [view.prediction] : [], description);
    };
    const fillErrors = (panel, patch, method, view) => {
      const description = view ? `Wrong pixels of ${method}: ${view.score_summary}` : NO_PICTURE;
      fillPanel(panel, `Errors of ${method}`, view ? [patch.image, view.errors] : [], description);
    };

    const show = () => {
      const method = methods[methodSelect.value];
      const patch = patches[patchSelect.value];
      const view = patch.views.find((candidate) => candidate.method === method);
      const referenceView = patch.views.find((candidate) => candidate.method === reference);
      const [image, truth, weakLabel, prediction, referencePrediction, errors] = panels;
      fillPanel(image, "Image", [patch.image], `Test patch ${patch.name}`);
      fillPanel(truth, "Truth", [patch.truth], `True classes: ${patch.class_summary}`);
      fillWeakLabel(weakLabel, patch, view);
      fillPrediction(prediction, `Prediction of ${method}`, method, view);
      fillPrediction(referencePrediction, `Prediction of ${reference}, the reference`, reference, referenceView);
      fillErrors(errors, patch, method, view);
      const place = `Patch ${Number(patchSelect.value) + 1} of ${patches.length}, ${patch.name}`;
      status.textContent = `${place}. ${method}: ${view ? view.score_summary : NO_PICTURE}`;
      if (referenceView && method !== reference) {
        status.textContent += `; ${reference}: ${referenceView.score_summary}.`;
      }
    };

    // After the last comes the first.
    const step = (select, by) => {
      select.value = (Number(select.value) + by + select.length) % select.length;
      show();
    };
    controls.previous.addEventListener("click", () => step(patchSelect, -1));
    controls.next.addEventListener("click", () => step(patchSelect, 1));
    methodSelect.addEventListener("change", show);
    patchSelect.addEventListener("change", show);
    const stepOfKey = {
      ArrowLeft: [patchSelect, -1],
      ArrowRight: [patchSelect, 1],
      ArrowUp: [methodSelect, -1],
      ArrowDown: [methodSelect, 1],
    };
    viewer.addEventListener("keydown", (event) => {
      // A list of choices has arrow keys of its own, and so has the browser.
      const isTaken = event.target instanceof HTMLSelectElement || event.ctrlKey || event.altKey || event.metaKey;
      if (isTaken || !(event.key in stepOfKey)) return;
      event.preventDefault();
      step(...stepOfKey[event.key]);
    });
    show();
  };

  // ---- Charts: drawn when they come near, and again when light turns dark.

  const rootStyle = getComputedStyle(document.documentElement);

  // A copy of a figure in which names of CSS variables have become colours, which plotly needs.
  const resolveColors = (value, key = "") => {
    if (Array.isArray(value)) return value.map((entry) => resolveColors(entry));
    if (value && typeof value === "object") {
      const entries = Object.entries(value);
      return Object.fromEntries(entries.map(([name, entry]) => [name, resolveColors(entry, name)]));
    }
    // Only fields of colours: a method may be called "var(--ink)".
    const variable = key.endsWith("color") && /^var\((--[a-z0-9-]+)\)$/.exec(value);
    return variable ? rootStyle.getPropertyValue(variable[1]).trim() : value;
  };

  // Plotly takes long to read, so it waits in the page as text until the first chart is near.
  const loadPlotly = () => {
    if ("Plotly" in window) return;
    const source = document.getElementById("plotly").textContent;
    // Runs at once; the policy knows it by its hash.
    document.head.append(makeElement("script", {}, source));
  };

  const drawChart = (plot) => {
    loadPlotly();
    const { data: traces, layout, config } = data.charts[plot.dataset.chart];
    Plotly.react(plot, resolveColors(traces), resolveColors(layout), config);
    plot.dataset.drawn = "";
    // Where plotly measures text, which no screen reader should read.
    document.getElementById("js-plotly-tester")?.setAttribute("aria-hidden", "true");
  };

  const startCharts = () => {
    const plots = [...document.querySelectorAll(".plot")];
    const drawNear = (entries, observer) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        observer.unobserve(target);
        drawChart(target);
      }
    };
    const observer = new IntersectionObserver(drawNear, { rootMargin: "600px" });
    for (const plot of plots) {
      plot.hidden = false;
      observer.observe(plot);
    }
    const drawAgain = () => plots.filter((plot) => "drawn" in plot.dataset).forEach(drawChart);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAgain);
    addEventListener("beforeprint", () => plots.forEach(drawChart));
  };

  // ---- Start.

  document.querySelectorAll("table[data-sortable]").forEach(makeSortable);
  // Tables that stand in for charts where there is no script.
  for (const details of document.querySelectorAll("details[data-folded]")) details.open = false;
  const template = document.getElementById("viewer-template");
  if (template) startGallery(data.gallery, template);
  addEventListener("DOMContentLoaded", startCharts);
})();
