// Words that have commands, variables and values in them, as pieces of which some are code: what stands between backticks, and the name of a
// variable of the environment wherever it stands. `cockpit/words.py` does the same for what the server makes.

const CODE = /`([^`\s](?:[^`\n]*[^`\s])?)`|(?<![A-Za-z0-9_])([A-Z]{3,}(?:_[A-Z0-9]+)+)(?![A-Za-z0-9_])/g;

export function pieces(text) {
  const found = [];
  let end = 0;
  for (const match of text.matchAll(CODE)) {
    if (match.index > end) found.push({ text: text.slice(end, match.index), code: false });
    found.push({ text: match[1] ?? match[2], code: true });
    end = match.index + match[0].length;
  }
  if (end < text.length) found.push({ text: text.slice(end), code: false });
  return found;
}

// The words for where no markup can be.
export const plain = (text) => text.replace(CODE, (_, marked, variable) => marked ?? variable);
