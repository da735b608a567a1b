// Live figures, keys, copying. Pages read without it, and nothing here acts on runs.
"use strict";
(() => {
  const body = document.body;
  body.classList.add("scripted");
  const prefix = body.dataset.prefix || "";
  const one = (selector, from) => (from || document).querySelector(selector);
  const all = (selector) => [...document.querySelectorAll(selector)];

  for (const select of all("select[data-submit]")) {
    select.addEventListener("change", () => select.form.submit());
  }

  // Copies the text of an element; the button says so for a moment.
  const copy = async (id, button) => {
    const text = document.getElementById(id)?.textContent.trim();
    if (!text) return;
    await navigator.clipboard.writeText(text);
    if (!button) return;
    const before = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = before; }, 1200);
  };
  for (const button of all("[data-copies]")) {
    button.addEventListener("click", () => copy(button.dataset.copies, button));
  }

  // Live: elements are exchanged by their ids, but for what is under the pointer, has the focus or is selected.
  const live = document.getElementById("live-state");
  const word = one(".word", live), clock = one("time", live);
  let source = null, heard = 0, timer = null;
  const say = (state, text) => { live.dataset.state = state; word.textContent = text; };
  const isHeld = (element) => {
    const selection = document.getSelection();
    return element.matches(":hover") && one("a:hover, button:hover", element)
      || element.contains(document.activeElement)
      || (selection && !selection.isCollapsed && selection.containsNode(element, true));
  };
  const show = (parts) => {
    for (const [id, html] of parts) {
      const old = document.getElementById(id);
      if (!old || isHeld(old)) continue;
      const fresh = one("#" + CSS.escape(id), new DOMParser().parseFromString(wrapped(old, html), "text/html"));
      if (!fresh || fresh.outerHTML === old.outerHTML) continue;
      const open = [...old.querySelectorAll("details")].map((details) => details.open);
      fresh.querySelectorAll("details").forEach((details, place) => { if (place in open) details.open = open[place]; });
      old.replaceWith(fresh);
      if (fresh.matches("td, dd, small")) fresh.classList.add("changed");
    }
  };
  // A cell is parsed only within a row.
  const wrapped = (old, html) => old.matches("td, th") ? `<table><tbody><tr>${html}</tr></tbody></table>` : html;
  const hear = (every) => {
    heard = Date.now();
    const now = new Date();
    clock.dateTime = now.toISOString();
    clock.textContent = now.toISOString().slice(11, 19);
    say("live", every ? `live, ${every},` : "live,");
  };
  const connect = () => {
    if (source || live.dataset.state === "paused") return;
    const words = new URLSearchParams({ path: location.pathname, query: location.search.slice(1) });
    const env = new URLSearchParams(location.search).get("env");
    if (env) words.set("env", env);
    const first = one("[data-first]")?.dataset.first;
    if (first && !words.get("query").match(/(^|&)(before|after)=/)) words.set("seen", first);
    source = new EventSource(`${prefix}/live?${words}`);
    source.addEventListener("parts", (event) => {
      const { parts, every } = JSON.parse(event.data);
      hear(every);
      show(parts);
    });
    source.addEventListener("still", () => { heard = Date.now(); });
    source.addEventListener("fault", (event) => say("stale", `stale: ${JSON.parse(event.data)},`));
    timer = setInterval(() => { if (heard && Date.now() - heard > 10000) say("stale", "stale since"); }, 1000);
  };
  const disconnect = () => { source?.close(); source = null; clearInterval(timer); };
  // Hidden tabs cost nothing.
  document.addEventListener("visibilitychange", () => document.hidden ? disconnect() : connect());
  addEventListener("pagehide", disconnect);
  if (!document.hidden) connect();

  // Keys. None acts on runs.
  const rows = () => all("tr[data-row]");
  let row = -1, waits = false;
  const move = (by) => {
    const list = rows();
    if (!list.length) return;
    row = Math.max(0, Math.min(list.length - 1, row + by));
    one("th a, td a", list[row])?.focus();
    list.forEach((other, place) => other.classList.toggle("picked", place === row));
    list[row].scrollIntoView({ block: "nearest" });
  };
  const go = (key) => {
    const page = one(`#keys [data-go]`) && all("#keys [data-go]").find((other) => other.textContent === key);
    const link = page && one(`nav a[href^="${prefix}${page.dataset.go}"]`);
    if (page) location.href = link && page.dataset.go !== "/" ? link.href : one(".brand").href;
  };
  const keys = {
    "/": () => document.getElementById("find").focus(),
    j: () => move(1),
    k: () => move(-1),
    u: () => { location.href = body.dataset.up; },
    c: () => copy("run-id", one("[data-copies]")),
    l: () => one("a", live).click(),
    "?": () => document.getElementById("keys").showModal(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input, select, textarea")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (waits) { waits = false; go(event.key); return; }
    if (event.key === "g") { waits = true; setTimeout(() => { waits = false; }, 1500); return; }
    const act = keys[event.key];
    if (act) { event.preventDefault(); act(); }
  });
})();
