// Keeps a page of the dashboard as new as its study: listens to events, renews the sections that changed and the charts,
// keeps focus, scroll, what is typed and what is open; opens dialogs and sends their forms; follows a trial's log.
"use strict";
(() => {
  const main = document.getElementById("content");
  if (!main) return;
  const PAUSE = 1000; // ms between two renewals at least, however much happens
  const SAID = 4000; // ms between two changes of the line that screen readers read out
  const shown = new Map(); // section id -> its HTML as it came from the server

  // Renewing.
  let busy = false, again = false, last = 0, timer = null;

  function renewSoon() {
    if (document.hidden) return void (again = true);
    if (busy) return void (again = true);
    if (timer === null) timer = setTimeout(renew, Math.max(50, PAUSE - (Date.now() - last)));
  }

  async function renew() {
    timer = null;
    busy = true;
    again = false;
    try {
      const response = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (response.ok) take(new DOMParser().parseFromString(await response.text(), "text/html"));
    } catch {
      // The stream of events notices that the server is away, and says so.
    }
    busy = false;
    last = Date.now();
    if (again) renewSoon();
  }

  function take(fresh) {
    const content = fresh.getElementById("content");
    if (!content) return;
    const csrf = fresh.querySelector('meta[name="csrf"]')?.content;
    if (csrf) {
      document.querySelector('meta[name="csrf"]')?.setAttribute("content", csrf);
      for (const field of document.querySelectorAll('input[name="csrf"]')) field.value = csrf;
    }
    const pages = fresh.querySelector("nav.pages"), mine = document.querySelector("nav.pages");
    if (pages && mine && pages.innerHTML !== mine.innerHTML) mine.innerHTML = pages.innerHTML;
    let before = null;
    const wanted = new Set();
    for (const part of [...content.children]) {
      wanted.add(part.id);
      const old = part.id && document.getElementById(part.id);
      const html = part.outerHTML;
      if (!old || !main.contains(old)) {
        before ? before.after(part) : main.prepend(part);
        before = part;
        globalThis.trialist?.watch?.(part);
      } else {
        before = old;
        if (shown.get(part.id) === html || isTyping(old)) continue;
        swap(old, part);
        before = document.getElementById(part.id);
      }
      shown.set(part.id, html);
    }
    for (const part of [...main.children]) if (part.id && !wanted.has(part.id) && !part.contains(document.activeElement)) part.remove();
    globalThis.trialist?.redraw?.(main);
  }

  const isTyping = (part) => part.contains(document.activeElement) && document.activeElement.matches("input, select, textarea");

  // The new section in the place of the old one; its charts, its log and what was opened stay.
  function swap(old, part) {
    for (const figure of part.querySelectorAll("figure.panel")) {
      const kept = [...old.querySelectorAll("figure.panel")].find((other) => other.dataset.src === figure.dataset.src);
      if (kept) figure.replaceWith(kept);
    }
    const log = old.querySelector("#log");
    if (log) {
      log.dataset.live = part.querySelector("#log")?.dataset.live ?? "";
      if (!part.querySelector("#log")?.hasAttribute("data-live")) log.removeAttribute("data-live");
      part.querySelector("#log")?.replaceWith(log);
      const empty = part.querySelector("#log-empty");
      if (empty) empty.hidden = log.textContent !== "";
    }
    const opened = [...old.querySelectorAll("details[open] > summary")].map((summary) => summary.textContent);
    for (const summary of part.querySelectorAll("details > summary")) if (opened.includes(summary.textContent)) summary.parentElement.open = true;
    const scrolls = [...old.querySelectorAll(".scroll")].map((box) => [box.scrollLeft, box.scrollTop]);
    const focus = pathOf(old, document.activeElement);
    old.replaceWith(part);
    [...part.querySelectorAll(".scroll")].forEach((box, i) => scrolls[i] && ([box.scrollLeft, box.scrollTop] = scrolls[i]));
    if (focus) find(part, focus)?.focus({ preventScroll: true });
  }

  // Where the focus is: the how-manieth of its kind with that text, so that it is found again among new rows.
  function pathOf(root, element) {
    if (!root.contains(element)) return null;
    const kind = element.tagName, text = element.href || element.dataset.opens || element.textContent;
    const alike = [...root.querySelectorAll(kind)].filter((other) => (other.href || other.dataset.opens || other.textContent) === text);
    return { kind, text, place: alike.indexOf(element) };
  }
  function find(root, { kind, text, place }) {
    const all = [...root.querySelectorAll(kind)];
    const alike = all.filter((other) => (other.href || other.dataset.opens || other.textContent) === text);
    return alike[place] || alike[0] || all[0];
  }

  // Events.
  const banner = document.getElementById("banner"), progress = document.getElementById("progress");
  let cursor = main.dataset.moment || "", lost = null, said = 0, waiting = null, line = "";

  function listen() {
    const source = new EventSource(`${main.dataset.events}${main.dataset.events.includes("?") ? "&" : "?"}last=${encodeURIComponent(cursor)}`);
    const heard = (event) => {
      if (event.lastEventId) cursor = event.lastEventId;
      clearTimeout(lost);
      lost = null;
      if (!banner.hidden) {
        banner.hidden = true;
        renewSoon(); // what was missed
      }
    };
    source.addEventListener("hello", heard);
    source.addEventListener("change", (event) => {
      heard(event);
      const told = JSON.parse(event.data);
      if (told.progress) say(told.progress);
      dispatchEvent(new CustomEvent("trialist:change", { detail: told }));
      renewSoon();
    });
    source.addEventListener("computed", (event) => (heard(event), renewSoon()));
    source.addEventListener("gone", (event) => {
      source.close();
      warn(`This study cannot be read any more: ${JSON.parse(event.data).why}`);
    });
    source.onerror = () => {
      if (lost === null) lost = setTimeout(() => warn("The server does not answer. What is shown may be old; it is tried again."), 1500);
      if (source.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
    };
  }

  function warn(words) {
    banner.textContent = words;
    banner.hidden = false;
  }

  // Not at each report: a line that changes all the time is never read to its end.
  function say(words) {
    line = words;
    if (waiting !== null) return;
    waiting = setTimeout(() => {
      waiting = null;
      said = Date.now();
      if (progress.textContent !== line) progress.textContent = line;
    }, Math.max(0, SAID - (Date.now() - said)));
  }

  addEventListener("visibilitychange", () => {
    if (!document.hidden && again) renewSoon();
  });

  // Dialogs.
  const done = document.getElementById("done");
  let forgotten = null;
  document.addEventListener("click", (event) => {
    const opener = event.target.closest?.("[data-opens]");
    if (opener) {
      const dialog = document.getElementById(opener.dataset.opens);
      if (!dialog?.showModal) return; // the button leads to the form's own page then
      event.preventDefault();
      const who = dialog.querySelector('input[name="who"]');
      if (who && !who.value) who.value = localStorage.getItem("trialist-who") || "";
      dialog.querySelector(".problem").textContent = "";
      dialog.showModal();
    } else if (event.target.closest?.("dialog .cancel")) event.target.closest("dialog").close();
  });
  // Back to the button that opened it: a browser does so by itself, but not where a renewal has put another one there.
  const goBack = (dialog) => {
    const now = document.activeElement; // for a moment still what has the focus in the dialog that is closed
    if (now === document.body || dialog.contains(now)) document.querySelector(`[data-opens="${dialog.id}"]`)?.focus({ preventScroll: true });
  };
  document.addEventListener("close", (event) => event.target.matches?.("dialog") && goBack(event.target), true);
  document.addEventListener("submit", async (event) => {
    const form = event.target, dialog = form.closest("dialog");
    if (!dialog) return;
    event.preventDefault();
    const button = form.querySelector("button.do"), problem = form.querySelector(".problem");
    button.disabled = true;
    problem.textContent = "";
    try {
      const response = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), headers: { Accept: "application/json" } });
      const answer = response.headers.get("content-type")?.includes("json") ? await response.json() : { problem: await response.text() };
      if (!response.ok) throw new Error(answer.problem);
      localStorage.setItem("trialist-who", form.elements.who?.value || "");
      if (form.elements.why) form.elements.why.value = "";
      dialog.close();
      goBack(dialog);
      done.textContent = answer.done;
      clearTimeout(forgotten);
      forgotten = setTimeout(() => (done.textContent = ""), 12_000);
      renewSoon();
    } catch (error) {
      problem.textContent = error.message;
    }
    button.disabled = false;
  });

  // The log of a trial.
  const MOST = 200_000; // characters that are kept
  let from = "", reading = false;
  async function follow() {
    const box = document.getElementById("log");
    if (!box || reading || document.hidden) return;
    reading = true;
    try {
      let answer;
      do {
        const response = await fetch(`${box.dataset.log}?from=${from}`, { headers: { Accept: "application/json" } });
        if (!response.ok) break;
        answer = await response.json();
        from = answer.to;
        if (!answer.text) continue;
        const atEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 8;
        box.append(answer.text);
        if (box.textContent.length > MOST) box.textContent = box.textContent.slice(-MOST / 2);
        document.getElementById("log-empty").hidden = true;
        if (atEnd) box.scrollTop = box.scrollHeight;
      } while (answer.more);
    } catch {
      // Tried again at the next turn.
    }
    reading = false;
  }

  addEventListener("DOMContentLoaded", () => {
    if (main.dataset.events) listen();
    if (document.getElementById("log")) {
      follow();
      setInterval(() => document.getElementById("log")?.hasAttribute("data-live") && follow(), 2000);
      addEventListener("trialist:change", follow);
    }
  });
})();
