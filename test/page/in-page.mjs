// What the tests run in the browser.
/* global document, getComputedStyle, location, localStorage, sessionStorage */

/** What was made of text that should have stayed text. */
export const found = () => ({
  made: document.querySelectorAll('main img, main script, main svg, main iframe, [onerror], [onload]').length,
  links: [...document.querySelectorAll('main a[href]')]
    .map((a) => a.getAttribute('href') ?? '')
    .filter((h) => !/^(#|https?:|\/)/.test(h)),
});

/** A script and a style of somebody else's: gives why the first could not even be made; the second is not used. */
export function breakIn() {
  const style = document.createElement('style');
  style.textContent = 'main { display: none }';
  document.head.append(style);
  try {
    document.body.innerHTML += '<img src=x onerror=alert(10)>';
    return '';
  } catch (error) {
    return String(error);
  }
}

/** All that a script could read. */
export const readable = () =>
  JSON.stringify([
    location.href,
    document.cookie,
    Object.entries(localStorage),
    Object.entries(sessionStorage),
    document.documentElement.outerHTML,
  ]);

export const openAll = (all) => all.forEach((d) => d.setAttribute('open', ''));

export const hrefs = (all) => all.map((a) => a.getAttribute('href'));

export const isFocused = (el) => el === document.activeElement;

/** What has the focus, by its label or text, and whether that can be seen. */
export function focused() {
  const at = document.activeElement;
  const name = at?.labels?.[0]?.textContent ?? at?.textContent ?? '';
  return { name: name.trim(), seen: at !== null && getComputedStyle(at).outlineStyle !== 'none' };
}

/** How wide the page is, and texts whose contrast is under 4.5 to 1 (3 to 1 of large ones). */
export function measured() {
  const parts = (color) => (color.match(/[\d.]+/g) ?? []).map(Number);
  const light = (color) => {
    const linear = (v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4);
    const [r = 0, g = 0, b = 0] = parts(color).map(linear);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (el) => {
    for (let at = el; at; at = at.parentElement) {
      const { backgroundColor } = getComputedStyle(at);
      const [, , , alpha = 1] = parts(backgroundColor);
      if (alpha > 0.5) return backgroundColor;
    }
    return 'rgb(255, 255, 255)';
  };
  const poor = [...document.querySelectorAll('body *')].flatMap((el) => {
    const own = [...el.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim() !== '');
    const box = el.getBoundingClientRect();
    if (!own || box.width < 2 || box.height < 2 || el.closest('[disabled], option, .skip')) return [];
    const { color, fontSize } = getComputedStyle(el);
    const [a = 0, b = 0] = [light(color), light(behind(el))].toSorted((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    const enough = Number.parseFloat(fontSize) >= 24 ? 3 : 4.5;
    return ratio < enough ? [`${ratio.toFixed(1)} ${el.className} ${el.textContent.slice(0, 30)}`] : [];
  });
  return { width: document.documentElement.scrollWidth, poor };
}
