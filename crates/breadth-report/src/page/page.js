"use strict";
// Nicer tips, and one checkpoint lit up in every chart. The page says everything without this.
(() => {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  document.body.append(tip);

  // The browser's own tips are slow and cannot be styled: keep their text and show it ourselves.
  const texts = new WeakMap();
  for (const svg of document.querySelectorAll("svg.chart")) {
    for (const title of svg.querySelectorAll("title")) {
      if (title.parentNode === svg) {
        svg.setAttribute("aria-label", title.textContent);
        svg.setAttribute("aria-describedby", `${title.id.slice(0, -"title".length)}desc`);
        svg.removeAttribute("aria-labelledby");
      } else {
        texts.set(title.parentNode, title.textContent);
      }
      title.remove();
    }
  }

  const textAt = (node) => {
    for (; node instanceof Element; node = node.parentNode) {
      if (texts.has(node)) return texts.get(node);
    }
    return null;
  };

  let lit = null;
  const light = (checkpoint) => {
    if (checkpoint === lit) return;
    for (const mark of document.querySelectorAll(".hot")) mark.classList.remove("hot");
    document.body.classList.toggle("hovering", checkpoint !== null);
    if (checkpoint !== null) {
      for (const mark of document.querySelectorAll(`[data-c="${checkpoint}"]`)) mark.classList.add("hot");
    }
    lit = checkpoint;
  };

  const show = (event) => {
    const marked = event.target.closest("[data-c]");
    light(marked === null ? null : marked.dataset.c);
    const text = textAt(event.target);
    tip.hidden = text === null;
    if (text === null) return;
    tip.textContent = text;
    const box = tip.getBoundingClientRect();
    const x = Math.min(event.clientX + 14, window.innerWidth - box.width - 8);
    const above = event.clientY - box.height - 14;
    tip.style.left = `${Math.max(8, x)}px`;
    tip.style.top = `${above < 8 ? event.clientY + 18 : above}px`;
  };

  document.addEventListener("pointerover", show);
  document.addEventListener("pointermove", show);
  document.addEventListener("pointerleave", () => {
    light(null);
    tip.hidden = true;
  });
})();
