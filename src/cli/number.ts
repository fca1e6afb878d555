import { InvalidArgumentError, type Option } from 'commander';

/** For an option that takes a number of at least `least`. */
export const number =
  (least: number, { whole = false } = {}) =>
  (option: Option): Option =>
    option.argParser((text: string) => {
      const value = text.trim() === '' ? NaN : Number(text);
      const fits = Number.isFinite(value) && value >= least && (!whole || Number.isInteger(value));
      if (!fits) throw new InvalidArgumentError(`It must be a ${whole ? 'whole ' : ''}number from ${least}.`);
      return value;
    });

/** For an option that takes a port; 0 lets the system choose. */
export const port = (option: Option): Option => number(0, { whole: true })(option);
