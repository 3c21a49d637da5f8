// A terminal forgets: a minute without a touch, and the page goes back to the start. Without a script the page itself does.
"use strict";

const told = document.querySelector("[data-idle]");
const idle = 1000 * Number(told.dataset.idle);
const WARN = 20000;
const ASK = 15000;
let until = Date.now() + idle;
let asked = Date.now();

const leave = () => location.replace("/kiosk");

// The server counts, too: it is told that somebody is there, now and then, not at every touch.
function touched() {
  const now = Date.now();
  if (now >= until) return;
  until = now + idle;
  told.hidden = true;
  if (now - asked < ASK) return;
  asked = now;
  fetch("/kiosk/stay", { method: "POST", body: new URLSearchParams({ csrf: told.dataset.csrf }), redirect: "error" })
    .then((answer) => { if (!answer.ok) leave(); }, leave);
}

for (const kind of ["pointerdown", "keydown", "scroll"]) addEventListener(kind, touched, { passive: true });
setInterval(() => {
  const left = until - Date.now();
  if (left <= 0) leave();
  else if (left <= WARN) { told.textContent = told.dataset.said.replace("%s", Math.ceil(left / 1000)); told.hidden = false; }
}, 500);

// A page out of the browser's memory is the person's before.
addEventListener("pageshow", (event) => { if (event.persisted) leave(); });

// The paper arrives in its frame: it is printed, and another may be asked for. The viewer's own bar, by which it could be
// saved, is wanted only where no script prints.
const paper = document.querySelector("iframe[name=paper]");
if (paper) {
  const form = document.querySelector("form[target=paper]");
  form.action += "#toolbar=0&navpanes=0";
  form.addEventListener("submit", () => {
    paper.dataset.wanted = "1";
    setTimeout(() => { delete form.dataset.sent; }, 5000);
  });
  paper.addEventListener("load", () => {
    if (!paper.dataset.wanted) return;
    delete paper.dataset.wanted;
    delete form.dataset.sent;
    touched();
    try { paper.contentWindow.print(); } catch { /* the viewer's own button prints */ }
  });
}
