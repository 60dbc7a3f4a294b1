// Suggestions under a search field, from /api/v1/suggest: a combobox with a list (WAI-ARIA APG). Without scripts the form
// is what it was. A record that is chosen opens; a name of the vocabulary narrows the search that the form describes. Where
// records are cited (data-cites), records alone are offered, and the one chosen is sent with the form, as its button does.
"use strict";

(() => {
  const LEAST_LETTERS = 2;
  const MOST_LETTERS = 200;
  const PAUSE_MS = 150;
  const MOST_KEPT = 100;
  const HAN = /\p{Script=Han}/u;
  const kept = new Map(); // address -> suggestions, for this page: what is typed again is not asked again

  async function ask(address, signal) {
    if (!kept.has(address)) {
      const response = await fetch(address, { signal, headers: { Accept: "application/json" } });
      if (!response.ok) return [];
      if (kept.size >= MOST_KEPT) kept.clear();
      kept.set(address, (await response.json()).items);
    }
    return kept.get(address);
  }

  function enhance(box) {
    const form = box.closest("form");
    const cites = "cites" in box.dataset;
    const input = box.querySelector("input[type=search]");
    const language = document.documentElement.lang;
    const words = JSON.parse(box.dataset.words);
    const names = new Intl.DisplayNames([language], { type: "language" });
    const list = document.createElement("ul");
    const status = document.createElement("p");
    let active = -1;
    let asked = null; // the request under way
    let timer = 0;

    list.id = `${input.id}-suggestions`;
    list.className = "suggestions";
    list.hidden = true;
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", words.label);
    status.className = "visually-hidden";
    status.setAttribute("role", "status");
    input.after(list, status);
    for (const [name, value] of Object.entries({
      role: "combobox",
      "aria-autocomplete": "list",
      "aria-expanded": "false",
      "aria-controls": list.id,
    })) {
      input.setAttribute(name, value);
    }

    function close() {
      clearTimeout(timer);
      asked?.abort();
      list.hidden = true;
      input.setAttribute("aria-expanded", "false");
      status.textContent = "";
      select(-1);
    }

    function select(index) {
      list.children[active]?.setAttribute("aria-selected", "false");
      active = index;
      const option = list.children[active];
      if (option) {
        option.setAttribute("aria-selected", "true");
        option.scrollIntoView({ block: "nearest" });
        input.setAttribute("aria-activedescendant", option.id);
      } else {
        input.removeAttribute("aria-activedescendant");
      }
    }

    function move(step) {
      const places = list.children.length + 1; // one of them is the field itself
      select(((active + 1 + step + places) % places) - 1);
    }

    function addressOf(one) {
      if (one.kind === "title") return box.dataset.records + encodeURIComponent(one.value);
      const query = new URLSearchParams(new FormData(form)); // with the filters that are ticked
      query.delete("q");
      if (!query.getAll(one.kind).includes(one.value)) query.append(one.kind, one.value);
      return `${form.action}?${query}`;
    }

    function optionOf(one, index) {
      const option = document.createElement("li");
      const text = document.createElement("bdi");
      const kind = document.createElement("small");
      text.textContent = one.text;
      text.lang = one.language;
      kind.textContent = words.kinds[one.kind] ?? one.kind;
      if (one.language !== language) kind.textContent += ` (${names.of(one.language)})`;
      option.id = `${list.id}-${index}`;
      if (cites) option.dataset.record = one.value;
      else option.dataset.address = addressOf(one);
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      option.append(text, " ", kind);
      return option;
    }

    function open(option) {
      if (!cites) return location.assign(option.dataset.address);
      const button = document.createElement("button");
      Object.assign(button, { name: "add", value: option.dataset.record, formNoValidate: true, hidden: true });
      button.setAttribute("formaction", "#citations");
      box.append(button);
      input.value = ""; // what was typed was no search
      form.requestSubmit(button);
    }

    function citable(one) {
      const cited = [...form.querySelectorAll("[name=citations]")].map((field) => field.value);
      return one.kind === "title" && !cited.includes(one.value);
    }

    function show(found) {
      select(-1);
      list.replaceChildren(...found.map(optionOf));
      list.hidden = found.length === 0;
      input.setAttribute("aria-expanded", String(found.length > 0));
      const number = new Intl.NumberFormat(language).format(found.length);
      status.textContent = found.length ? words.found.replace("{number}", number) : words.none;
    }

    async function suggest() {
      asked?.abort();
      const typed = input.value.trim();
      if (([...typed].length < LEAST_LETTERS && !HAN.test(typed)) || typed.length > MOST_LETTERS) return close();
      const own = (asked = new AbortController());
      try {
        const found = await ask(`${box.dataset.suggest}?${new URLSearchParams({ q: typed, lang: language })}`, own.signal);
        if (asked === own && !own.signal.aborted && document.activeElement === input) {
          show(cites ? found.filter(citable) : found);
        }
      } catch {
        if (asked === own) close(); // stale, offline, or the index is down: the form still searches
      }
    }

    function later() {
      clearTimeout(timer);
      timer = setTimeout(suggest, PAUSE_MS);
    }

    input.addEventListener("input", (event) => event.isComposing || later());
    input.addEventListener("compositionend", later);
    input.addEventListener("blur", close);
    form.addEventListener("submit", close);
    window.addEventListener("pagehide", close);
    list.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
    list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) open(option);
    });
    input.addEventListener("keydown", (event) => {
      if (event.isComposing || event.ctrlKey || event.metaKey) return;
      const shown = !list.hidden;
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        if (shown) move(event.key === "ArrowDown" ? 1 : -1);
        else suggest();
      } else if (event.key === "Escape" && shown) {
        event.preventDefault(); // else it would empty the field too
        close();
      } else if (event.key === "Enter" && shown && active >= 0) {
        event.preventDefault();
        open(list.children[active]);
      }
    });
  }

  document.querySelectorAll("[data-suggest]").forEach(enhance);
})();
