/* Uploads: files dropped on the form, what was chosen and how large it is, and how far it has come. */
"use strict";

function sizeWords(bytes) {
  const unit = ["B", "kB", "MB"].find((_, index) => bytes < 1000 ** (index + 1)) ?? "GB";
  const amount = bytes / 1000 ** ["B", "kB", "MB", "GB"].indexOf(unit);
  return `${amount >= 10 || unit === "B" ? Math.round(amount) : amount.toFixed(1)} ${unit}`;
}

/* Lists the chosen files; what is too large is named before it is sent for nothing. */
function listFiles(form) {
  const input = form.elements.chosen;
  const list = form.querySelector(".drop-list");
  const files = [...input.files];
  const most = Number(form.dataset.most);
  list.replaceChildren(
    ...files.map((file) => {
      const item = document.createElement("li");
      item.textContent = `${file.name}, ${sizeWords(file.size)}${file.size > most ? ": too large" : ""}`;
      item.classList.toggle("is-refused", file.size > most);
      return item;
    }),
  );
  list.hidden = files.length === 0;
  const total = files.reduce((sum, file) => sum + file.size, 0);
  const tooLarge = files.some((file) => file.size > most) || total > Number(form.dataset.together);
  input.setCustomValidity(tooLarge ? "Choose less: this is larger than one upload may be." : "");
}

function sendFiles(form) {
  const shown = form.querySelector(".drop-progress");
  const bar = shown.querySelector("progress");
  const words = shown.querySelector("[role=status]");
  const request = new XMLHttpRequest();
  shown.hidden = false;
  request.upload.addEventListener("progress", (event) => {
    if (event.lengthComputable) bar.value = event.loaded / event.total;
    words.textContent = `${Math.round(bar.value * 100)} %`;
  });
  request.upload.addEventListener("load", () => {
    bar.removeAttribute("value");
    words.textContent = "Taking in";
  });
  request.addEventListener("load", () => showAnswer(form, request));
  request.addEventListener("error", () => failed(form, "The connection broke off. Send them again."));
  request.open("POST", location.href);
  request.send(new FormData(form));
}

function failed(form, text) {
  form.querySelector(".drop-progress").hidden = true;
  delete form.dataset.sent;
  showToast(text, "error");
}

function showAnswer(form, request) {
  const fresh = new DOMParser().parseFromString(request.responseText, "text/html").getElementById("page");
  if (!fresh?.querySelector("[data-upload]")) {
    return failed(form, "The upload was refused. Reload the page and try again.");
  }
  document.getElementById("page").replaceWith(fresh);
  start();
  for (const element of fresh.querySelectorAll("[data-refresh]")) refreshLater(element, 0);
  (document.getElementById("outcomes") ?? fresh.querySelector("[data-upload] input:not([type=hidden])")).focus();
}

function start() {
  const form = document.querySelector("[data-upload]");
  const drop = form.querySelector("[data-drop]");
  form.querySelector(".drop-words").hidden = false;
  form.elements.chosen.addEventListener("change", () => listFiles(form));
  for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
    drop.addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.toggle("is-over", name === "dragenter" || name === "dragover");
    });
  }
  drop.addEventListener("drop", (event) => {
    if (!event.dataTransfer.files.length) return;
    form.elements.chosen.files = event.dataTransfer.files;
    listFiles(form);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (form.dataset.sent) return;
    form.dataset.sent = "yes";
    sendFiles(form);
  });
}

start();
