/* What is wrong with the page as it stands: names, landmarks, headings, ids, contrast, width. */
() => {
  const wrong = [];
  const shown = (element) => {
    const style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    return style.visibility !== "hidden" && style.display !== "none" && box.width > 1 && box.height > 1
      && !element.closest("[hidden], dialog:not([open]), template, details:not([open]) > :not(summary)");
  };
  const say = (what, element) => wrong.push(`${what}: ${element.outerHTML.slice(0, 140)}`);

  if (document.documentElement.lang !== "en") wrong.push("no language");
  if (document.querySelectorAll("main").length !== 1) wrong.push("not one main landmark");
  if (document.querySelectorAll("h1").length !== 1) wrong.push("not one h1");
  if (!document.title) wrong.push("no title");
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  for (const id of new Set(ids.filter((id, at) => ids.indexOf(id) !== at))) wrong.push(`id twice: ${id}`);
  for (const [attribute] of [["aria-labelledby"], ["aria-describedby"], ["for"], ["data-open"], ["popovertarget"]]) {
    for (const element of document.querySelectorAll(`[${attribute}]`)) {
      for (const id of element.getAttribute(attribute).split(" ")) {
        if (element.closest("template") === null && !document.getElementById(id)) say(`${attribute} points nowhere`, element);
      }
    }
  }
  for (const field of document.querySelectorAll("input:not([type=hidden]), select, textarea")) {
    const name = field.getAttribute("aria-label") || [...(field.labels || [])].map((l) => l.textContent).join("").trim();
    if (!name) say("field without a name", field);
  }
  for (const control of document.querySelectorAll("button, a[href], summary")) {
    const name = control.getAttribute("aria-label") || control.textContent.trim();
    if (!name) say("control without a name", control);
  }
  for (const image of document.querySelectorAll("img")) if (!image.hasAttribute("alt")) say("image without alt", image);
  for (const drawing of document.querySelectorAll("svg")) {
    if (drawing.getAttribute("aria-hidden") !== "true" && !drawing.getAttribute("aria-label")
      && !drawing.closest("[aria-hidden=true]")) say("drawing without a name", drawing);
  }
  for (const table of document.querySelectorAll("table")) if (!table.querySelector("th[scope]")) say("table without heads", table);
  for (const frame of document.querySelectorAll("iframe")) if (!frame.title) say("frame without a title", frame);
  let level = 0;
  for (const heading of document.querySelectorAll("h1, h2, h3, h4")) {
    if (!shown(heading)) continue;
    const now = Number(heading.tagName[1]);
    if (level && now > level + 1) say("heading level jumped", heading);
    level = now;
  }

  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => top.slice(0, 3).map((value, at) => value * top[3] + below[at] * (1 - top[3]));
  const behind = (element) => {
    const layers = [];
    for (let up = element; up; up = up.parentElement) {
      const layer = rgba(getComputedStyle(up).backgroundColor);
      layers.push(layer);
      if (layer[3] === 1) break;
    }
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
  };
  const light = (colour) => {
    const [r, g, b] = colour.map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [high, low] = [light(one), light(other)].sort((left, right) => right - left);
    return (high + 0.05) / (low + 0.05);
  };
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    const typed = element.matches("input, textarea, select") && element.value;
    if (!(own || typed) || !shown(element) || element.matches(":disabled, .only-spoken, .only-spoken *, script")) continue;
    if (element instanceof SVGElement) continue;
    const style = getComputedStyle(element);
    const ground = behind(element);
    const ink = over(rgba(style.color), ground);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const found = contrast(ink, ground);
    if (found < (large ? 3 : 4.5)) say(`contrast ${found.toFixed(2)}`, element);
  }
  const past = document.documentElement.scrollWidth - window.innerWidth;
  if (past > 0) wrong.push(`${past} pixels too wide`);
  return wrong;
}
