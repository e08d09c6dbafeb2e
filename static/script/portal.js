/* What every page does: appearance, menus that close, toasts, parts that refresh themselves, asking before acts. */
"use strict";

const THEME_COOKIE = "zalion_theme";

function chosenTheme() {
  return document.documentElement.dataset.theme || "system";
}

function chooseTheme(theme) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  if (theme === "system") {
    delete document.documentElement.dataset.theme;
    document.cookie = `${THEME_COOKIE}=; Path=/; Max-Age=0; SameSite=Lax${secure}`;
  } else {
    document.documentElement.dataset.theme = theme;
    document.cookie = `${THEME_COOKIE}=${theme}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
  }
  showTheme();
}

function showTheme() {
  for (const button of document.querySelectorAll("[data-theme-choice]")) {
    const on = button.dataset.themeChoice === chosenTheme();
    button.hidden = false;
    button.setAttribute("aria-pressed", String(on));
    button.lastElementChild.toggleAttribute("hidden", !on);
  }
}

function showToast(text, level) {
  const toast = document.createElement("div");
  toast.className = `toast toast-${level || "info"}`;
  const words = document.createElement("p");
  words.textContent = text;
  toast.append(words);
  document.querySelector(".toasts")?.append(toast);
  setTimeout(() => toast.remove(), 6000);
}

function closeAround(button) {
  const closed = button?.closest("[data-toast], dialog");
  if (closed instanceof HTMLDialogElement) closed.close();
  else closed?.remove();
}

/* An element with data-refresh="seconds" is replaced by its next version until that has the attribute no more,
   and with it the elements whose ids data-refresh-too names. The next version stands on this page, or at the address
   of data-refresh-from. */
function refreshLater(element, round) {
  const seconds = Number(element.dataset.refresh);
  if (!seconds || round > 90) return;
  setTimeout(async () => {
    let fresh = null;
    let page = null;
    try {
      const answer = await fetch(element.dataset.refreshFrom ?? location.href, { headers: { "X-Requested-With": "fetch" } });
      if (answer.ok && !answer.redirected) {
        page = new DOMParser().parseFromString(await answer.text(), "text/html");
        fresh = page.getElementById(element.id);
      }
    } catch {
      // The network is away for a moment; the next round tries again.
    }
    if (!fresh) return refreshLater(element, round + 1);
    const busy = element.contains(document.activeElement) && element !== document.activeElement;
    if (busy && fresh.dataset.refresh) return refreshLater(element, round + 1);
    for (const id of (element.dataset.refreshToo ?? "").split(" ").filter(Boolean)) {
      const other = page.getElementById(id);
      if (other) document.getElementById(id)?.replaceWith(other);
    }
    element.replaceWith(fresh);
    refreshLater(fresh, round + 1);
  }, seconds * 1000);
}

document.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null;
  if (!target) return;
  for (const open of document.querySelectorAll("details.pick[open]")) {
    if (!open.contains(target)) open.open = false;
  }
  const theme = target.closest("[data-theme-choice]");
  if (theme) chooseTheme(theme.dataset.themeChoice);
  closeAround(target.closest("[data-close]"));
  const opener = target.closest("[data-open]");
  if (opener) document.getElementById(opener.dataset.open)?.showModal();
  const copier = target.closest("[data-copy]");
  if (copier) {
    const text = document.getElementById(copier.dataset.copy)?.textContent ?? "";
    navigator.clipboard?.writeText(text.trim()).then(() => showToast("Copied.", "success"), () => undefined);
  }
  const all = target.closest("[data-tick-all]");
  if (all) for (const box of document.querySelectorAll(all.dataset.tickAll)) box.checked = true;
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const open of document.querySelectorAll("details.pick[open]")) {
    open.open = false;
    open.querySelector("summary")?.focus();
  }
});

document.addEventListener("change", (event) => {
  const form = event.target instanceof Element ? event.target.closest("form[data-submit-on-change]") : null;
  if (form) form.requestSubmit();
});

/* A command whose words follow the fields of a form, so that it is read before anything is saved. */
function quoted(text) {
  return /^[\w@%+=:,./-]*$/.test(text) ? text : `'${text.replaceAll("'", `'"'"'`)}'`;
}

function showCommand(command) {
  for (const word of command.querySelectorAll("[data-follows]")) {
    const field = document.getElementById(word.dataset.follows);
    word.dataset.blank ??= word.textContent;
    const typed = field.value.trim().replace(/^file:/, "");
    word.textContent = typed ? word.dataset.lead + quoted(typed) : word.dataset.blank;
    if (field.name === "reference") command.hidden = typed.startsWith("env:");
  }
}

for (const command of document.querySelectorAll("[data-command]")) {
  showCommand(command);
  document.addEventListener("input", () => showCommand(command));
}

/* One press, one act: a form that is on its way is not sent again. */
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || event.defaultPrevented) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => {
  for (const form of document.forms) delete form.dataset.sent;
});

showTheme();
for (const toast of document.querySelectorAll(".toast-success[data-toast], .toast-info[data-toast]")) {
  setTimeout(() => toast.remove(), 7000);
}
for (const element of document.querySelectorAll("[data-refresh]")) refreshLater(element, 0);
