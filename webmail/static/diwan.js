// Small comforts for browsers with JavaScript. Every page works without this file.
// No HTML is ever built from text: elements and text nodes only (the policy forbids the rest).

const make = (tag, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

// Completion: suggestions of the directory below a field of recipients.
const SEPARATORS = /[,;،؛]/;

function complete(input) {
  const list = make("ul", { className: "suggestions", id: `${input.id}-suggestions`, hidden: true });
  list.setAttribute("role", "listbox");
  input.after(list);
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-controls", list.id);
  input.setAttribute("aria-expanded", "false");
  let chosen = -1, asked = 0, waiting = 0;

  const lastStart = () => {
    let position = -1;
    for (let i = 0; i < input.value.length; i++) if (SEPARATORS.test(input.value[i])) position = i;
    return position + 1;
  };
  const close = () => {
    list.hidden = true;
    chosen = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  };
  const take = (item) => {
    const before = input.value.slice(0, lastStart()).trimEnd();
    input.value = `${before}${before ? " " : ""}${item.dataset.value}, `;
    close();
    input.focus();
  };
  const mark = (index) => {
    chosen = (index + list.children.length) % list.children.length;
    [...list.children].forEach((item, i) => item.setAttribute("aria-selected", String(i === chosen)));
    input.setAttribute("aria-activedescendant", list.children[chosen].id);
    list.children[chosen].scrollIntoView({ block: "nearest" });
  };
  const show = (entries) => {
    list.replaceChildren(...entries.map((entry, i) => {
      const address = make("bdi", { dir: "ltr" }, entry.address);
      const item = make("li", { id: `${list.id}-${i}` },
        make("bdi", {}, entry.name), make("small", {}, make("bdi", {}, entry.place), entry.place ? " · " : "", address));
      item.setAttribute("role", "option");
      item.dataset.value = entry.value;
      item.addEventListener("mousedown", (event) => { event.preventDefault(); take(item); });
      return item;
    }));
    if (!entries.length) return close();
    list.hidden = false;
    chosen = -1;
    input.setAttribute("aria-expanded", "true");
  };
  input.addEventListener("input", () => {
    clearTimeout(waiting);
    const query = input.value.slice(lastStart()).trim();
    if (query.length < 2) return close();
    waiting = setTimeout(async () => {
      const mine = ++asked;
      const answer = await fetch(`${input.dataset.complete}?q=${encodeURIComponent(query)}`).catch(() => null);
      if (answer?.ok && mine === asked) show(await answer.json());
    }, 180);
  });
  input.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) { event.preventDefault(); mark(chosen < 0 && step < 0 ? -1 : chosen + step); }
    if (event.key === "Escape") close();
    if ((event.key === "Enter" || event.key === "Tab") && chosen >= 0) { event.preventDefault(); take(list.children[chosen]); }
  });
  input.addEventListener("blur", close);
}
document.querySelectorAll("[data-complete]").forEach(complete);

// A warning before leaving a letter that was changed and not sent.
for (const form of document.querySelectorAll("[data-unsent]")) {
  let changed = false;
  form.addEventListener("input", () => { changed = true; });
  form.addEventListener("submit", () => { changed = false; });
  addEventListener("beforeunload", (event) => { if (changed) event.preventDefault(); });
}

// One box that ticks them all.
for (const all of document.querySelectorAll("[data-all]")) {
  const boxes = () => all.form.querySelectorAll("input[name=uid]");
  all.closest("label").hidden = false;
  all.addEventListener("change", () => boxes().forEach((box) => { box.checked = all.checked; }));
}

// Account menu: closes on Escape and on a click elsewhere.
for (const menu of document.querySelectorAll("details.accounts")) {
  document.addEventListener("click", (event) => { if (!menu.contains(event.target)) menu.open = false; });
  menu.addEventListener("keydown", (event) => { if (event.key === "Escape") { menu.open = false; menu.firstElementChild.focus(); } });
}

// New mail: the list reloads itself unless something is ticked.
for (const list of document.querySelectorAll("[data-live]")) {
  const events = new EventSource(list.dataset.live);
  events.addEventListener("changed", () => {
    if (!list.querySelector("input[name=uid]:checked") && document.activeElement?.form !== list) location.reload();
  });
  addEventListener("beforeunload", () => events.close()); // opening a message changes it: that must not call us back
}

// What was said about the last action is said once.
const here = new URL(location);
if (here.searchParams.has("done")) {
  here.searchParams.delete("done");
  here.searchParams.delete("n");
  history.replaceState(null, "", here);
}

document.getElementById("problems")?.focus();

// Length of a new password, shown while it is typed.
for (const input of document.querySelectorAll("[data-strength]")) {
  const meter = document.getElementById(input.dataset.strength);
  meter.hidden = false;
  input.addEventListener("input", () => { meter.value = [...input.value].length; });
}

// Printing what is shown once.
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}
