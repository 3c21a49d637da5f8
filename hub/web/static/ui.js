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
// with the header X-Done that nothing will change any more. A lost session or a failure leaves what is there. With
// data-events="/console/…" the server says when: its events `turn` and `done` bring the content, the clock is what is left
// where the browser has no EventSource, or the line to the server breaks.
function refreshFragments() {
  for (const place of document.querySelectorAll("[data-refresh]")) {
    const show = (html) => { if (!place.contains(document.activeElement)) { place.innerHTML = html; return true; } };
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
      later();
    };
    const later = () => setTimeout(turn, 1000 * Number(place.dataset.every));
    if (!place.dataset.events || !window.EventSource) { later(); continue; }
    const told = new EventSource(place.dataset.events);
    told.addEventListener("turn", (event) => show(event.data));
    told.addEventListener("done", (event) => { told.close(); if (!show(event.data)) later(); });
    told.onerror = () => { told.close(); later(); };
    window.addEventListener("pagehide", () => told.close());
  }
}

// The QR code on a page leads here with its code behind the #, which no server sees: it is sent as a form.
function takeScannedCode() {
  const field = document.getElementById("control_code");
  const code = /^#c=([0-9A-Za-z-]{1,64})$/.exec(location.hash);
  if (!field || !code) return;
  history.replaceState(null, "", location.pathname + location.search);
  field.value = code[1];
  field.form.requestSubmit();
}

// <section data-leaves="60" data-left="…">: what was shown for a reason leaves after so many seconds, also of a page that
// comes back from the browser's memory or of a machine that slept; without a script the page itself goes on.
function hideRevealed() {
  for (const place of document.querySelectorAll("[data-leaves]")) {
    const until = Date.now() + 1000 * Number(place.dataset.leaves);
    const hide = () => {
      const said = document.createElement("p");
      said.setAttribute("role", "status");
      said.textContent = place.dataset.left;
      place.replaceWith(said);
      clearInterval(ticking);
    };
    const ticking = setInterval(() => { if (Date.now() >= until) hide(); }, 1000);
    window.addEventListener("pagehide", hide);
  }
}

// <a data-key="F2">: the key does what the link does; a button is only gone to, and Enter presses it. Not while words are
// composed: Esc and Enter are the input method's own then.
function answerKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
    const shown = (e) => e.getClientRects().length > 0;
    const wanted = [...document.querySelectorAll("[data-key]")].find((e) => e.dataset.key === event.key && shown(e));
    if (!wanted || (event.key.length === 1 && event.target.matches("input, textarea"))) return;
    event.preventDefault();
    if (wanted.tagName === "BUTTON" && !("press" in wanted.dataset)) wanted.focus();
    else wanted.click();
  });
}

// <span role="status" data-seconds="60" data-say="# seconds left">: said aloud twice before a code ends, and not each second.
function sayTimeLeft() {
  for (const place of document.querySelectorAll("[data-seconds]"))
    for (const left of [30, 10])
      if (place.dataset.seconds > left)
        setTimeout(() => { place.textContent = place.dataset.say.replace("#", left); }, 1000 * (place.dataset.seconds - left));
}

// A button for paper is hidden until it can work; data-print="now" is the paper that was just asked for.
function offerPrinting() {
  for (const button of document.querySelectorAll("[data-print]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
    if (button.dataset.print === "now") window.addEventListener("load", () => window.print());
  }
}

takeScannedCode();
answerKeys();
offerPrinting();
sayTimeLeft();
focusSummary();
guardDoubleSubmit();
offerCopying();
refreshFragments();
hideRevealed();
