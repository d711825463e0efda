// Texts into the page's places. Whatever they say, they are text and never markup.

import { pieces } from "./venom_words.js";

export const TEXTS = JSON.parse(document.getElementById("texts").textContent);

export const $ = (id) => document.getElementById(id);

/** A text with its placeholders filled. */
export const say = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

export const slot = (node, name) => node.querySelector(`[data-slot=${name}]`);

/** Text into the places of these names; empty places are not shown. */
export function fill(node, values) {
  for (const [name, value] of Object.entries(values)) {
    const place = slot(node, name);
    if (place.textContent !== value) place.textContent = value;
    const whole = place.parentElement.tagName === "DIV" && place.tagName === "DD" ? place.parentElement : place;
    whole.hidden = value === "";
  }
}

/** Words into a place, in which commands and variables are shown as code; an empty place is not shown. */
export function showWords(place, words) {
  if (place.words !== words) place.replaceChildren(...pieces(words).map((piece) => (piece.code ? code(piece.text) : piece.text)));
  place.words = words;
  place.hidden = words === "";
}

export function link(node, name, address) {
  const place = slot(node, name);
  place.hidden = !address;
  if (address) place.href = address;
}

/** A new one of what stands in a template. */
export const copy = (id) => $(id).content.firstElementChild.cloneNode(true);

/** One row for each item, in their order; rows stay what they are, and so does the focus. */
export function rows(list, template, items, show) {
  const known = new Map([...list.children].map((row) => [row.dataset.key, row]));
  const wanted = items.map(([key, item]) => {
    const row = known.get(key) ?? copy(template);
    row.dataset.key = key;
    show(row, item);
    return row;
  });
  for (const row of known.values()) if (!wanted.includes(row)) row.remove();
  wanted.forEach((row, place) => list.children[place] !== row && list.insertBefore(row, list.children[place] ?? null));
}

function code(text) {
  const element = document.createElement("code");
  element.textContent = text;
  return element;
}
