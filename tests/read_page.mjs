// Reads the page of the report and the index of reports in headless Chromium, as a reader does.
//
//     node tests/read_page.mjs MODULES CHROMIUM FOLDER
//
// MODULES has playwright-core and axe-core from npm; FOLDER has the page of the demo (`demo.html`), its index (`index.html`), and
// the pages of the samples, of which `very_large.html` has 10,000 findings and 5,000 principals. Needs pdfinfo and pdftotext
// (poppler) too. Prints what it measured. Ends with 1 if anything is wrong; times are printed and not judged.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const [modules, executablePath, folder] = process.argv.slice(2).map((path) => resolve(path));
const load = createRequire(join(modules, 'package.json'));
const { chromium } = load('playwright-core');
const axe = readFileSync(load.resolve('axe-core/axe.min.js'), 'utf8');

// A third of the page before its redesign, in pixels by width; pages of A4.
const MAX_HEIGHT = { 1280: 11_300, 390: 20_000 };
const MAX_PAGES = 12;
// Of the page with 10,000 findings and 5,000 principals.
const FINDINGS = 10_000;
const MAX_BYTES_A_FINDING = 1_024;
const MAX_MEBIBYTES = 300;
const ARGUMENTS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];

const problems = [];
const wrong = (page, text) => { problems.push(`${page}: ${text}`); console.log(`  wrong: ${text}`); };

const start = async () => {
  const directory = mkdtempSync(join(tmpdir(), 'read-page-'));
  const context = await chromium.launchPersistentContext(directory, { executablePath, args: ARGUMENTS });
  return { context, directory, end: async () => { await context.close(); rmSync(directory, { recursive: true, force: true }); } };
};

const open = async (context, name, width, colorScheme = 'light') => {
  const page = await context.newPage();
  page.on('console', (message) => { if (message.type() === 'error') wrong(name, message.text()); });
  page.on('pageerror', (error) => wrong(name, String(error)));
  await page.setViewportSize({ width, height: 800 });
  await page.emulateMedia({ colorScheme });
  await page.goto(pathToFileURL(join(folder, name)).href);
  return page;
};

const openAll = (page) => page.evaluate(() => { for (const one of document.querySelectorAll('details')) one.open = true; });

// The policy of the page forbids other scripts, so axe comes through the debugger.
const violations = async (context, page) => {
  const session = await context.newCDPSession(page);
  const expression = `${axe};axe.run(document, { resultTypes: ['violations'] }).then((found) => JSON.stringify(found.violations.map(
    (one) => one.id + ' at ' + one.nodes.slice(0, 3).map((node) => node.target.join(' ')).join(', '))))`;
  const { result } = await session.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
  await session.detach();
  return JSON.parse(result.value);
};

// What a reader sees: height, overflow, backticks, and account ids or short names that are broken in the middle.
const look = (page) => page.evaluate(() => {
  const root = document.documentElement;
  const broken = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let ticks = 0;
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (node.parentElement.closest('script, style')) continue;
    ticks += node.data.split('`').length - 1;
    const short = node.parentElement.closest('.name') && node.data.length <= 26 ? [[0, node.data.trimEnd().length]] : [];
    const ids = [...node.data.matchAll(/(?<![0-9a-f])\d{12}(?![0-9a-f])/g)].map((match) => [match.index, match.index + 12]);
    for (const [from, to] of [...short, ...ids]) {
      const range = document.createRange();
      range.setStart(node, from);
      range.setEnd(node, to);
      if (new Set([...range.getClientRects()].map((one) => Math.round(one.top))).size > 1) broken.push(range.toString());
    }
  }
  return { height: root.scrollHeight, overflow: root.scrollWidth - root.clientWidth, ticks, broken: broken.slice(0, 3) };
});

const judge = async (context, name) => {
  for (const colorScheme of ['light', 'dark']) {
    for (const width of colorScheme === 'light' ? [1280, 640, 390] : [1280, 390]) {
      const page = await open(context, name, width, colorScheme);
      const closed = await look(page);
      // 640 pixels are 1280 at 200 % zoom.
      const found = width === 640 ? [] : await violations(context, page);
      await openAll(page);
      const opened = await look(page);
      if (width === 1280) found.push(...await violations(context, page));
      console.log(`${name} ${width} ${colorScheme}: ${closed.height} px, open ${opened.height} px`);
      for (const one of new Set(found)) wrong(name, `axe: ${one} (${width}, ${colorScheme})`);
      for (const state of [closed, opened]) {
        if (state.overflow > 0) wrong(name, `${state.overflow} px of horizontal overflow at ${width}`);
        if (state.ticks > 0 && !name.startsWith('hostile')) wrong(name, `${state.ticks} backticks`);
        if (state.broken.length > 0 && width > 390) wrong(name, `broken in the middle at ${width}: ${state.broken.join(', ')}`);
      }
      if (name === 'demo.html' && closed.height > MAX_HEIGHT[width]) wrong(name, `${closed.height} px high at ${width}`);
      await page.close();
    }
  }
};

// No heading is the last of a page: what follows it there is at most its count and its account.
const print = async (context, name) => {
  const page = await open(context, name, 1280);
  const file = join(folder, `${name}.pdf`);
  await page.pdf({ path: file, format: 'A4', preferCSSPageSize: true, printBackground: true });
  const headings = await page.evaluate(() => {
    const all = [...document.querySelectorAll('h2, h3')].filter((one) => !one.closest('summary') && !one.classList.contains('quiet'));
    const printed = [...document.querySelectorAll('.finding.bad > summary, details[open] > summary')];
    const title = (one) => (one.querySelector('h3, strong') || one).textContent;
    return [...all, ...printed].map((one) => title(one).replace(/\s/g, '')).filter((text) => text.length > 5);
  });
  const pages = Number(/Pages:\s+(\d+)/.exec(execFileSync('pdfinfo', [file], { encoding: 'utf8' }))[1]);
  console.log(`${name}: ${pages} pages`);
  if (name === 'demo.html' && pages > MAX_PAGES) wrong(name, `${pages} pages`);
  for (let number = 1; number < pages; number += 1) {
    const text = execFileSync('pdftotext', ['-f', String(number), '-l', String(number), '-layout', file, '-'], { encoding: 'utf8' });
    const end = text.trim().split('\n').slice(-3).join('').replace(/\s/g, '');
    const alone = headings.find((heading) => {
      const at = end.lastIndexOf(heading);
      return at >= 0 && end.length - at - heading.length <= 24;
    });
    if (alone) wrong(name, `the heading ${alone} is alone at the foot of page ${number}`);
  }
  await page.close();
};

// Filters, summaries and copy buttons by keyboard.
const type = async (context, name) => {
  const page = await open(context, name, 1280);
  const focused = () => page.evaluate(() => document.activeElement.closest('[data-for]')?.dataset.for + ' ' + (document.activeElement.name || document.activeElement.textContent));
  const reach = async (wanted) => {
    for (let presses = 0; presses < 400; presses += 1) {
      if (await focused() === wanted) return true;
      await page.keyboard.press('Tab');
    }
    wrong(name, `the keyboard does not reach ${wanted}`);
    return false;
  };
  const shown = (list) => page.evaluate((id) => document.querySelector(`form[data-for="${id}"] output`).textContent, list);
  for (const [list, word] of [['principals', 'auditreader'], ['findings-l', 'getsecretvalue']]) {
    if (!await reach(`${list} text`)) continue;
    await page.keyboard.type(word);
    await page.waitForTimeout(300);
    if (!/^\d+ of \d+ shown$/.test(await shown(list))) wrong(name, `${list}: the search says ${await shown(list)}`);
    await page.keyboard.press('ControlOrMeta+A');
    await page.keyboard.press('Backspace');
    await page.waitForTimeout(300);
    if (!/^\d+ shown$/.test(await shown(list))) wrong(name, `${list}: without a search it says ${await shown(list)}`);
    if (await reach(`${list} Open all`)) {
      await page.keyboard.press('Enter');
      if (!await page.evaluate((id) => document.querySelectorAll(`#${id} details.${id === 'principals' ? 'principal' : 'finding'}[open]`).length > 1, list)) wrong(name, `${list}: nothing opened`);
    }
  }
  const copied = page.locator('#findings-l button.copy-button').first();
  await copied.focus();
  await page.keyboard.press('Enter');
  await page.waitForTimeout(200);
  if (await copied.textContent() !== 'Copied') wrong(name, 'a copy button does not copy');
  const anchor = await page.evaluate(() => document.querySelector('.finding:last-of-type .member').id);
  await page.evaluate((id) => { for (const one of document.querySelectorAll('details')) one.open = false; location.hash = id; }, anchor);
  await page.waitForTimeout(200);
  if (!await page.evaluate((id) => document.getElementById(id).checkVisibility(), anchor)) wrong(name, 'a permalink does not open its finding');
  await page.close();
};

// Resident memory of the largest renderer of the browser that runs in a directory, in MiB: that of the page, for the others are blank.
const memory = (directory) => {
  const about = (id, what) => { try { return readFileSync(`/proc/${id}/${what}`, 'utf8'); } catch { return ''; } };
  const parent = (id) => /PPid:\s+(\d+)/.exec(about(id, 'status'))?.[1];
  const belongs = (id) => {
    for (let at = id; at && at !== '1'; at = parent(at)) if (about(at, 'cmdline').includes(directory)) return true;
    return false;
  };
  const renderers = readdirSync('/proc').filter((id) => /^\d+$/.test(id) && about(id, 'cmdline').includes('--type=renderer') && belongs(id));
  return Math.max(...renderers.map((id) => Number(/VmRSS:\s+(\d+)/.exec(about(id, 'status'))?.[1] || 0) / 1024));
};

const large = async () => {
  const name = 'very_large.html';
  const { context, directory, end } = await start();
  const page = await open(context, name, 1280);
  const times = await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(() => {
    const timing = performance.getEntriesByType('navigation')[0];
    const paint = performance.getEntriesByName('first-contentful-paint')[0];
    done({ interactive: Math.round(timing.domInteractive), load: Math.round(timing.loadEventEnd), drawn: Math.round(performance.now()), paint: paint && Math.round(paint.startTime), heap: Math.round(performance.memory.usedJSHeapSize / 2 ** 20) });
  }))));
  const bytes = statSync(join(folder, name)).size;
  const resident = Math.round(memory(directory));
  console.log(`${name}: ${bytes} bytes, ${Math.round(bytes / FINDINGS)} a finding; ms: ${JSON.stringify(times)}; renderer ${resident} MiB`);
  if (bytes > FINDINGS * MAX_BYTES_A_FINDING) wrong(name, `${Math.round(bytes / FINDINGS)} bytes a finding`);
  if (resident > MAX_MEBIBYTES) wrong(name, `${resident} MiB`);
  await page.evaluate(() => { for (const one of document.querySelectorAll('details.bulk')) one.open = true; });
  for (const [table, word] of [['findings-t', 'service-2400'], ['principals-t', 'service-4990']]) {
    const box = page.locator(`.table-tools:has(+ .scroll #${table}) input`);
    await box.fill(word);
    await page.waitForTimeout(600);
    const found = await page.evaluate((id) => [...document.querySelectorAll(`#${id} tbody tr`)].filter((row) => !row.hidden).length, table);
    console.log(`${name}: ${table} has ${found} rows with ${word}`);
    if (found === 0) wrong(name, `${table}: the search does not find ${word}`);
  }
  await end();
};

const { context, end } = await start();
const pages = readdirSync(folder).filter((name) => name.endsWith('.html') && !['large.html', 'very_large.html'].includes(name)).sort();
for (const name of ['demo.html', 'index.html', 'hostile.html']) if (!pages.includes(name)) wrong(name, 'there is no such page');
for (const name of pages) await judge(context, name);
await print(context, 'demo.html');
await type(context, 'demo.html');
await end();
await large();
writeFileSync(join(folder, 'problems.txt'), problems.join('\n'));
console.log(problems.length === 0 ? 'nothing is wrong' : `${problems.length} problems:\n${problems.join('\n')}`);
process.exit(problems.length === 0 ? 0 : 1);
