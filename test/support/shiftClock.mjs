/** Loaded before everything else (`--import`): a machine whose clock is CLOCK_SHIFT_MS off. */
const shift = Number(process.env['CLOCK_SHIFT_MS'] ?? 0);
const RealDate = Date;
const realNow = RealDate.now.bind(RealDate);
globalThis.Date = class extends RealDate {
  constructor(...parts) {
    if (parts.length === 0) super(realNow() + shift);
    else super(...parts);
  }
  static now() {
    return realNow() + shift;
  }
};
