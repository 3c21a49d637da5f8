// What pages do better with a script. Every page is whole without it: nothing here sends or decides anything of its own.
"use strict";

// The error summary takes the focus, so that a screen reader begins with what is wrong.
function focusSummary() {
  const summary = document.querySelector(".summary");
  // After the browser's own autofocus, which complains where it finds the focus taken.
  if (summary) requestAnimationFrame(() => { if (document.activeElement === document.body) summary.focus(); });
}

// A second click on a slow form sends nothing. The server guards itself as well.
function guardDoubleSubmit() {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) event.preventDefault();
    else form.dataset.sent = "1";
  });
  // A page taken from the browser's memory by "back" may be sent again.
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) for (const form of document.forms) delete form.dataset.sent;
  });
}

// Copy buttons are hidden until they can work.
function offerCopying() {
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const label = button.textContent;
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      button.textContent = button.dataset.done;
      setTimeout(() => { button.textContent = label; }, 2000);
    });
  }
}

// <div data-refresh="/console/…" data-every="5">: its content comes anew from our own server until the answer says
// with the header X-Done that nothing will change any more. A lost session or a failure leaves what is there.
function refreshFragments() {
  for (const place of document.querySelectorAll("[data-refresh]")) {
    const turn = async () => {
      if (!document.hidden && !place.contains(document.activeElement)) {
        try {
          const answer = await fetch(place.dataset.refresh, { redirect: "error", headers: { Accept: "text/html" } });
          if (!answer.ok) return;
          place.innerHTML = await answer.text();
          if (answer.headers.get("X-Done")) return;
        } catch {
          return;
        }
      }
      setTimeout(turn, 1000 * Number(place.dataset.every));
    };
    setTimeout(turn, 1000 * Number(place.dataset.every));
  }
}

focusSummary();
guardDoubleSubmit();
offerCopying();
refreshFragments();
