// A page's faults as a list of sentences; empty when there are none. In the manner of axe, for the rules we promise.
() => {
  const faults = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  const seen = (e) => e.getClientRects().length > 0 && getComputedStyle(e).visibility !== "hidden";
  const told = (e) => `<${e.tagName.toLowerCase()}${e.id ? "#" + e.id : ""}> “${(e.textContent || e.name || "").trim().slice(0, 40)}”`;
  const need = (holds, text) => { if (!holds) faults.push(text); };

  need(document.documentElement.lang, "no language");
  need(document.title.trim(), "no title");
  need(all("h1").length === 1, `${all("h1").length} h1`);
  need(all("main").length === 1 && all("header").length >= 1 && all("footer").length === 1, "landmarks");
  need(document.querySelector("body > a.skip")?.getAttribute("href") === "#main", "no skip link");
  let level = 0;
  for (const h of all("h1, h2, h3, h4")) {
    const next = Number(h.tagName[1]);
    // The error summary's heading comes before the page's own.
    if (h.closest(".summary")) continue;
    need(next <= level + 1, `heading jumps to ${next}: ${told(h)}`);
    level = next;
  }
  const ids = all("[id]").map((e) => e.id);
  for (const id of new Set(ids)) need(ids.filter((x) => x === id).length === 1, `id twice: ${id}`);
  for (const name of ["aria-describedby", "aria-labelledby", "for"])
    for (const e of all(`[${name}]`))
      for (const id of e.getAttribute(name).split(/\s+/)) need(document.getElementById(id), `${name} leads nowhere: ${id}`);
  for (const a of all("a[href^='#']")) need(document.getElementById(a.getAttribute("href").slice(1)), `link to nowhere: ${told(a)}`);
  for (const e of all("input:not([type=hidden], [hidden]), select, textarea"))
    need(e.labels?.length && e.labels[0].textContent.trim(), `no label: ${e.name}`);
  for (const e of all("[placeholder]")) faults.push(`placeholder: ${e.name}`);
  for (const e of all("a, button")) need(e.textContent.trim() || e.getAttribute("aria-label"), `no name: ${e.outerHTML.slice(0, 60)}`);
  for (const e of all("img")) need(e.hasAttribute("alt"), "image without alt");
  for (const t of all("table")) {
    need(t.caption?.textContent.trim(), "table without caption");
    for (const th of t.querySelectorAll("th")) need(th.scope, `th without scope: ${told(th)}`);
  }
  for (const f of all("fieldset")) need(f.querySelector("legend")?.textContent.trim(), "fieldset without legend");
  for (const e of all("[tabindex]")) need(Number(e.getAttribute("tabindex")) <= 0, `tabindex: ${told(e)}`);

  for (const e of all("nav")) {
    need(all("nav").length < 2 || e.getAttribute("aria-label"), "a navigation without a name beside others");
    need(e.querySelectorAll("[aria-current]").length <= 1, `several current in ${e.getAttribute("aria-label")}`);
  }
  for (const e of all(".tabs")) need(e.querySelector("[aria-current]"), "no tab is the current one");
  // Before the browser has sent the form nothing is wrong: what is, was said by the server, in words beside the field.
  for (const e of all("[aria-invalid]")) {
    const said = (e.getAttribute("aria-describedby") || "").split(/\s+/).map((id) => id && document.getElementById(id));
    need(said.some((one) => one?.matches(".error") && one.textContent.trim()), `wrong, and not said why: ${e.id}`);
    need(document.querySelector(`.summary a[href="#${e.id}"]`), `wrong, and not in the summary: ${e.id}`);
  }
  for (const e of all("[data-seconds], [data-refresh]"))
    need(e.matches("[role=status], [aria-live]") || e.closest("[role=status], [aria-live]"), `changes unsaid: ${told(e)}`);

  const large = document.documentElement.classList.contains("elder") && !document.body.classList.contains("console");
  const target = document.documentElement.classList.contains("elder") ? 60 : 44;
  for (const e of all("button, .button, input:not([type=hidden], [type=checkbox], [type=radio]), select, .menu a, .switches a, .choice, .tabs a, .rows a, .brief a, .acts a, .ways a"))
    if (seen(e)) need(e.getBoundingClientRect().height >= target - 0.5, `target ${e.getBoundingClientRect().height}: ${told(e)}`);

  const numbers = (text) => text.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = (e) => {
    for (let at = e; at; at = at.parentElement) {
      const colour = numbers(getComputedStyle(at).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
      if (colour[3] > 0) faults.push(`half transparent ground: ${told(at)}`);
    }
    return [255, 255, 255];
  };
  const contrast = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode());) {
    const e = node.parentElement;
    if (!node.data.trim() || !seen(e) || e.closest(".hidden, script, style")) continue;
    const style = getComputedStyle(e), size = parseFloat(style.fontSize);
    const bold = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    // 18 pt; five names side by side on a phone have what room there is.
    need(!large || size >= 23.9 || e.closest(".tabs, sup, svg"), `small in large print, ${size}: ${told(e)}`);
    const found = contrast(numbers(style.color), ground(e));
    need(found >= (bold ? 3 : 4.5), `contrast ${found.toFixed(2)}: ${told(e)}`);
  }
  for (const e of all("input:not([type=hidden], [type=checkbox], [type=radio]), select, textarea")) {
    if (!seen(e)) continue;
    const found = contrast(numbers(getComputedStyle(e).borderTopColor), ground(e.parentElement));
    need(found >= 3, `border ${found.toFixed(2)}: ${e.name}`);
  }
  return faults;
}
