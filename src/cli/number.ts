import { InvalidArgumentError, type Option } from 'commander';

/** For an option that takes a number of at least `least`, and at most `most`. */
export const number =
  (least: number, { whole = false, most = Infinity } = {}) =>
  (option: Option): Option =>
    option.argParser((text: string) => {
      const value = text.trim() === '' ? NaN : Number(text);
      const fits = Number.isFinite(value) && value >= least && value <= most && (!whole || Number.isInteger(value));
      const range = most === Infinity ? `from ${least}` : `from ${least} to ${most}`;
      if (!fits) throw new InvalidArgumentError(`It must be a ${whole ? 'whole ' : ''}number ${range}.`);
      return value;
    });

/** For an option that takes a port; 0 lets the system choose. */
export const port = (option: Option): Option => number(0, { whole: true, most: 65_535 })(option);
