'use strict';
// Sorts, filters, copies, opens details, switches the theme, and shows the last rows of very long tables. Without it the page
// shows the same content in the report's order.
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const make = (tag, fields) => Object.assign(document.createElement(tag), fields);

  // Theme: that of the system until it is switched.
  const theme = document.getElementById('theme');
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const isDark = () => (document.documentElement.dataset.theme || (dark.matches ? 'dark' : 'light')) === 'dark';
  const label = () => { theme.textContent = isDark() ? 'Light theme' : 'Dark theme'; };
  theme.addEventListener('click', () => {
    document.documentElement.dataset.theme = isDark() ? 'light' : 'dark';
    label();
  });
  dark.addEventListener('change', label);
  label();
  theme.hidden = false;

  // Sorting: numbers as numbers, everything else as text; a third press restores the report's order.
  const value = (cell) => {
    if (!cell) return '';
    if (cell.dataset.v) return Number(cell.dataset.v);
    const text = cell.textContent.trim();
    if (!cell.classList.contains('num')) return text;
    const number = parseFloat(text.replace(/,/g, ''));
    return Number.isNaN(number) ? -1 : number;
  };
  const rank = { CRITICAL: 5, HIGH: 4, MEDIUM: 3, LOW: 2, INFO: 1 };
  const compare = (a, b) => {
    if (typeof a === 'number' && typeof b === 'number') return a - b;
    if (rank[a] && rank[b]) return rank[a] - rank[b];
    return String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0;
  };
  const bodyOf = (table) => table.tBodies[0];
  const sortable = (table) => {
    const order = [...bodyOf(table).rows];
    if (order.length < 2) return;
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = make('button', { type: 'button' });
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener('click', () => {
        const first = head.classList.contains('num') ? 'descending' : 'ascending';
        const second = first === 'ascending' ? 'descending' : 'ascending';
        const now = head.getAttribute('aria-sort');
        const next = now === null ? first : now === first ? second : null;
        heads.forEach((other) => other.removeAttribute('aria-sort'));
        const rows = [...order, ...[...bodyOf(table).rows].filter((row) => row.dataset.late)];
        let sorted = rows;
        if (next) {
          head.setAttribute('aria-sort', next);
          const sign = next === 'ascending' ? 1 : -1;
          const keyed = rows.map((row, n) => [value(row.cells[column]), n, row]);
          keyed.sort((a, b) => sign * compare(a[0], b[0]) || a[1] - b[1]);
          sorted = keyed.map((entry) => entry[2]);
        }
        bodyOf(table).append(...sorted);
      });
    });
  };

  const texts = new Map();
  const text = (item) => {
    if (!texts.has(item)) texts.set(item, item.textContent.toLowerCase());
    return texts.get(item);
  };
  const wants = (query) => query.toLowerCase().split(/\s+/).filter(Boolean);
  const soon = (act) => {
    let timer = 0;
    return () => { clearTimeout(timer); timer = setTimeout(act, 80); };
  };

  // Tables: a search above a long one; rows after those of the page, which the page holds as data, on demand.
  const MANY = 12;
  const STEP = 200;
  const shows = (table) => {
    const source = document.querySelector(`script[data-rest="${table.id}"]`);
    const first = [...bodyOf(table).rows];
    // The note says what is not shown; the script can show it.
    if (source) document.querySelector(`[data-note="${table.id}"]`)?.remove();
    if (first.length < MANY && !source) return;
    let data = null;
    const rest = () => {
      if (data === null) data = source ? JSON.parse(source.textContent) : [];
      return data;
    };
    const tools = make('div', { className: 'table-tools' });
    const caption = table.caption ? table.caption.textContent : 'table';
    const box = make('label', { textContent: 'Search ' });
    const input = make('input', { type: 'search', autocomplete: 'off', spellcheck: false });
    input.setAttribute('aria-label', `Search: ${caption}`);
    box.append(input);
    const output = make('output', {});
    output.setAttribute('aria-live', 'polite');
    const more = make('button', { type: 'button', hidden: !source, textContent: `Show ${STEP} more` });
    tools.append(box, output, more);
    table.closest('.scroll').before(tools);
    const heads = [...table.tHead.rows[0].cells];
    const row = (cells) => {
      const line = make('tr', {});
      line.dataset.late = '1';
      cells.forEach((cell, n) => line.append(make('td', { textContent: cell, className: heads[n].classList.contains('num') ? 'num' : '' })));
      return line;
    };
    let extra = 0;
    const apply = () => {
      const parts = wants(input.value);
      let shown = 0;
      for (const line of first) {
        line.hidden = !parts.every((part) => text(line).includes(part));
        shown += line.hidden ? 0 : 1;
      }
      all('tr[data-late]', bodyOf(table)).forEach((line) => line.remove());
      const found = parts.length === 0 && extra === 0 ? [] : rest().filter((cells) => {
        const joined = cells.join(' ').toLowerCase();
        return parts.every((part) => joined.includes(part));
      });
      const late = found.slice(0, parts.length === 0 ? extra : STEP + extra);
      bodyOf(table).append(...late.map(row));
      const total = first.length + (source ? rest().length : 0);
      const matches = shown + (parts.length === 0 && extra === 0 ? total - first.length : found.length);
      const drawn = shown + late.length;
      output.textContent = matches === total ? `${drawn} of ${total} rows` : `${matches} of ${total} rows match${drawn < matches ? `, ${drawn} shown` : ''}`;
      more.hidden = drawn >= matches;
    };
    input.addEventListener('input', soon(() => { extra = 0; apply(); }));
    more.addEventListener('click', () => { extra += STEP; apply(); });
    if (source) output.textContent = `${first.length} rows`; else apply();
  };
  for (const table of all('table[data-sort]')) {
    if (!table.tBodies[0]) continue;
    sortable(table);
    shows(table);
  }

  // Filters: an item is shown if it matches every field of the form. A list that is folded opens while a filter is set.
  for (const form of all('form.tools')) {
    const target = document.getElementById(form.dataset.for);
    if (!target) continue;
    const items = all(`details.${form.dataset.items}`, target);
    const output = form.querySelector('output');
    const folds = [...new Set(items.map((item) => item.parentElement.closest('details')).filter(Boolean))];
    const apply = () => {
      const wanted = [...new FormData(form)].filter(([, want]) => want !== '');
      let shown = 0;
      for (const item of items) {
        const fits = wanted.every(([name, want]) => {
          if (name === 'text') return wants(want).every((part) => text(item).includes(part));
          return name === 'watched' ? item.dataset.watched === '1' : item.dataset[name] === want;
        });
        item.hidden = !fits;
        shown += fits ? 1 : 0;
      }
      for (const fold of folds) if (wanted.length > 0) fold.open = all('details[id]', fold).some((item) => !item.hidden);
      output.textContent = shown === items.length ? `${shown} shown` : `${shown} of ${items.length} shown`;
    };
    form.addEventListener('input', soon(apply));
    form.addEventListener('submit', (event) => event.preventDefault());
    const toggle = form.querySelector('[data-toggle]');
    toggle.addEventListener('click', () => {
      const opening = toggle.textContent === 'Open all';
      for (const item of items) if (!item.hidden && (item.checkVisibility() || !opening)) item.open = opening;
      toggle.textContent = opening ? 'Close all' : 'Open all';
    });
    form.hidden = false;
    apply();
  }

  // Copying: a button after each value, when its details are opened. It copies the text as it is shown.
  const copy = async (from, button) => {
    const value = from.textContent.trim();
    try {
      await navigator.clipboard.writeText(value);
    } catch {
      getSelection().selectAllChildren(from);
      document.execCommand('copy');
    }
    button.textContent = 'Copied';
    setTimeout(() => { button.textContent = 'Copy'; }, 1500);
  };
  const named = (from) => from.closest('.command')?.querySelector('span')?.textContent || from.textContent.trim();
  const offer = (root) => {
    for (const from of all('.copy', root)) {
      if (from.dataset.offered || !from.checkVisibility()) continue;
      from.dataset.offered = '1';
      const button = make('button', { type: 'button', className: 'copy-button', textContent: 'Copy' });
      button.setAttribute('aria-label', `Copy: ${named(from).slice(0, 80)}`);
      button.addEventListener('click', () => copy(from, button));
      from.after(button);
    }
  };
  document.addEventListener('toggle', (event) => { if (event.target.open) offer(event.target); }, true);
  offer(document);

  // A link to a finding or principal opens it, and shows it if a filter has hidden it.
  const reveal = () => {
    const target = /^#[fp]-?[0-9a-f]+$/.test(location.hash) && document.getElementById(location.hash.slice(1));
    if (!target) return;
    for (let at = target; at; at = at.parentElement) {
      at.hidden = false;
      if (at.tagName === 'DETAILS') at.open = true;
    }
    target.scrollIntoView({ block: 'nearest' });
  };
  addEventListener('hashchange', reveal);
  reveal();

  // Marks the section in view in the list of sections.
  const links = new Map(all('nav a').map((link) => [link.getAttribute('href').slice(1), link]));
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      links.forEach((link) => link.removeAttribute('aria-current'));
      links.get(entry.target.id)?.setAttribute('aria-current', 'true');
    }
  }, { rootMargin: '-20% 0px -75% 0px' });
  for (const section of all('main > section')) seen.observe(section);
})();
