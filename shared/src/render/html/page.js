'use strict';
// Sorts, filters, opens details and switches the theme. Without it the page shows the same content in the report's order.
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

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
    const number = Number(text.replace(/[,%]/g, ''));
    if (!cell.classList.contains('num')) return text;
    return Number.isNaN(number) || text === '' ? -1 : number;
  };
  const rank = { CRITICAL: 5, HIGH: 4, MEDIUM: 3, LOW: 2, INFO: 1 };
  const compare = (a, b) => {
    if (typeof a === 'number' && typeof b === 'number') return a - b;
    if (rank[a] && rank[b]) return rank[a] - rank[b];
    return String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0;
  };
  for (const table of all('table[data-sort]')) {
    const grouped = table.tBodies.length > 1;
    const items = grouped ? [...table.tBodies] : table.tBodies[0] ? [...table.tBodies[0].rows] : [];
    const home = grouped ? table : table.tBodies[0];
    if (items.length < 2) continue;
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      if ('unsorted' in head.dataset) return;
      const button = document.createElement('button');
      button.type = 'button';
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener('click', () => {
        const first = head.classList.contains('num') ? 'descending' : 'ascending';
        const second = first === 'ascending' ? 'descending' : 'ascending';
        const now = head.getAttribute('aria-sort');
        const next = now === null ? first : now === first ? second : null;
        heads.forEach((other) => other.removeAttribute('aria-sort'));
        let order = items;
        if (next) {
          head.setAttribute('aria-sort', next);
          const sign = next === 'ascending' ? 1 : -1;
          const keyed = items.map((item, n) => [value((grouped ? item.rows[0] : item).cells[column]), n, item]);
          keyed.sort((a, b) => sign * compare(a[0], b[0]) || a[1] - b[1]);
          order = keyed.map((entry) => entry[2]);
        }
        home.append(...order);
      });
    });
  }

  // Filters: an item is shown if it matches every field of the form.
  for (const form of all('form.tools')) {
    const target = document.getElementById(form.dataset.for);
    if (!target) continue;
    const items = target.tagName === 'TABLE' ? [...target.tBodies] : [...target.children];
    const texts = new Map();
    const text = (item) => {
      if (!texts.has(item)) texts.set(item, item.textContent.toLowerCase());
      return texts.get(item);
    };
    const output = form.querySelector('output');
    const apply = () => {
      const wanted = [...new FormData(form)].filter(([, want]) => want !== '');
      let shown = 0;
      for (const item of items) {
        const fits = wanted.every(([name, want]) => {
          if (name === 'text') return want.toLowerCase().split(/\s+/).every((part) => text(item).includes(part));
          return name === 'watched' ? item.dataset.watched === '1' : item.dataset[name] === want;
        });
        item.hidden = !fits;
        shown += fits ? 1 : 0;
      }
      output.textContent = shown === items.length ? `${shown} shown` : `${shown} of ${items.length} shown`;
    };
    let timer = 0;
    form.addEventListener('input', () => { clearTimeout(timer); timer = setTimeout(apply, 80); });
    form.addEventListener('submit', (event) => event.preventDefault());
    const toggle = form.querySelector('[data-toggle]');
    const [open, close] = [toggle.textContent, toggle.textContent.replace('Open', 'Close')];
    toggle.addEventListener('click', () => {
      const opening = toggle.textContent === open;
      for (const item of items) {
        if (item.hidden) continue;
        for (const details of item.tagName === 'DETAILS' ? [item] : all('details', item)) details.open = opening;
      }
      toggle.textContent = opening ? close : open;
    });
    form.hidden = false;
    apply();
  }

  // A link to a finding or principal opens it, and shows it if a filter has hidden it.
  const reveal = () => {
    const target = /^#[fp]\d+$/.test(location.hash) && document.getElementById(location.hash.slice(1));
    if (!target) return;
    target.hidden = false;
    const details = target.tagName === 'DETAILS' ? target : target.querySelector('details');
    if (details) details.open = true;
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
