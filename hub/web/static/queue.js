// Keys for the queue of the secretariat: j and k move, x chooses, o opens, ? shows the keys. Without scripts the form is
// what it was; no key does anything while somebody types.
"use strict";

(() => {
  const boxes = [...document.querySelectorAll("[data-queue] input[name=pick]")];
  const keys = document.getElementById("keys");
  if (!boxes.length || !keys) return;
  keys.hidden = false;

  function move(step) {
    const at = boxes.indexOf(document.activeElement);
    const next = at < 0 ? (step > 0 ? 0 : boxes.length - 1) : Math.min(Math.max(at + step, 0), boxes.length - 1);
    boxes[next].focus();
  }

  document.addEventListener("keydown", (event) => {
    const field = event.target;
    const typing = field.isContentEditable || ["TEXTAREA", "SELECT"].includes(field.tagName)
      || (field.tagName === "INPUT" && !["checkbox", "radio"].includes(field.type));
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const current = boxes.includes(field) ? field : null;
    if (event.key === "j") move(1);
    else if (event.key === "k") move(-1);
    else if (event.key === "x" && current) current.click();
    else if (event.key === "o" && current) current.closest("tr").querySelector("a").click();
    else if (event.key === "?") {
      keys.open = !keys.open;
      keys.querySelector("summary").focus();
    } else return;
    event.preventDefault();
  });
})();
