// Reads a QR code by the camera into the field beside it, and sends the form. The picture never leaves the device. Every
// page is whole without it: no script, no camera and a camera that is refused leave the scanner and the keyboard.
"use strict";

const PAUSE = 150;

// The browser's own reader, or else ours, fetched when somebody asks for it and only if its bytes are the pinned ones.
async function reader(place) {
  if ("BarcodeDetector" in window && (await BarcodeDetector.getSupportedFormats()).includes("qr_code")) {
    const detector = new BarcodeDetector({ formats: ["qr_code"] });
    return async (video) => (await detector.detect(video)).map((found) => found.rawValue);
  }
  await new Promise((done, failed) => {
    const script = Object.assign(document.createElement("script"), { src: place.dataset.library });
    Object.assign(script, { integrity: place.dataset.integrity, onload: done, onerror: failed });
    document.head.append(script);
  });
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  return async (video) => {
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    if (!canvas.width) return [];
    context.drawImage(video, 0, 0);
    const { data, width, height } = context.getImageData(0, 0, canvas.width, canvas.height);
    const found = window.jsQR(data, width, height);
    return found && found.data ? [found.data] : [];
  };
}

function scanner(place) {
  const [start, view, stop] = ["start", "view", "stop"].map((name) => place.querySelector(`[data-${name}]`));
  const video = place.querySelector("video"), said = place.querySelector("[role=status]");
  const field = document.getElementById(place.dataset.scan), wanted = new RegExp(place.dataset.pattern);
  const say = (state) => { place.dataset.state = state; said.textContent = place.dataset[state] || ""; };
  let stream = null;

  const close = () => {
    if (stream) for (const track of stream.getTracks()) track.stop();
    [stream, video.srcObject, view.hidden, start.hidden] = [null, null, true, false];
  };
  const take = (text) => {
    const found = wanted.exec(text);
    if (!found) return say("other");
    close();
    field.value = found[1] || found[0];
    say("read");
    field.form.requestSubmit();
  };
  const look = async (read, mine) => {
    while (stream === mine) {
      for (const text of await read(video)) if (stream === mine) take(text);
      await new Promise((done) => setTimeout(done, PAUSE));
    }
  };
  start.hidden = false;
  place.querySelector("[data-without]").remove();
  start.addEventListener("click", async () => {
    if (!navigator.mediaDevices) return say("none");  // no camera at all, or an address without TLS
    start.hidden = true;
    try {
      const mine = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      [stream, video.srcObject, view.hidden] = [mine, mine, false];
      say("looking");
      await video.play();
      stop.focus();
      await look(await reader(place), mine);
    } catch (error) {
      const name = error.name || "";
      say(name === "NotAllowedError" ? "refused" : name === "NotFoundError" ? "none" : "broken");
      close();
    }
  });
  stop.addEventListener("click", () => { close(); say(""); start.focus(); });
  window.addEventListener("pagehide", close);

  // A telephone's own camera leads here with the code behind the #, which no server sees: it is sent as a form.
  const carry = () => {
    const carried = /^#c=[0-9]{32}$/.test(location.hash) && wanted.exec(location.hash);
    if (!carried) return;
    history.replaceState(null, "", location.pathname + location.search);
    field.value = carried[1];
    field.form.requestSubmit();
  };
  window.addEventListener("hashchange", carry);
  carry();
}

for (const place of document.querySelectorAll("[data-scan]")) scanner(place);
