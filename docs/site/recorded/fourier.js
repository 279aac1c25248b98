// The short-time Fourier transform of nmflab.core.stft, for sizes that are powers of two.

/** The Fourier transform of `size` numbers, in place. */
class Fourier {
  /** @param {number} size */
  constructor(size) {
    this.size = size;
    this.cosines = Float64Array.from({ length: size / 2 }, (_, i) =>
      Math.cos((2 * Math.PI * i) / size),
    );
    this.sines = Float64Array.from({ length: size / 2 }, (_, i) =>
      Math.sin((2 * Math.PI * i) / size),
    );
    this.order = new Uint32Array(size);
    for (let i = 1; i < size; i++) this.order[i] = (this.order[i >> 1] >> 1) | (i & 1 && size >> 1);
  }

  /** @param {Float64Array} re @param {Float64Array} im @param {1 | -1} sign −1 is forwards */
  transform(re, im, sign) {
    const { size, order } = this;
    for (let i = 0; i < size; i++) {
      const j = order[i];
      if (i < j) {
        [re[i], re[j]] = [re[j], re[i]];
        [im[i], im[j]] = [im[j], im[i]];
      }
    }
    for (let half = 1; half < size; half *= 2) {
      const step = size / (2 * half);
      for (let start = 0; start < size; start += 2 * half) {
        for (let k = 0; k < half; k++) {
          const [c, s] = [this.cosines[k * step], sign * this.sines[k * step]];
          const [a, b] = [start + k, start + k + half];
          const [x, y] = [re[b] * c - im[b] * s, re[b] * s + im[b] * c];
          [re[b], im[b]] = [re[a] - x, im[a] - y];
          [re[a], im[a]] = [re[a] + x, im[a] + y];
        }
      }
    }
  }
}

/** A window, a hop and an FFT size: a sound to its spectrogram, and back through a gain. */
export class Stft {
  /** @param {{ fft: number, win_size: number, hop: number, cosines: number[] }} form */
  constructor({ fft, win_size, hop, cosines }) {
    this.fft = fft;
    this.hop = hop;
    this.bins = fft / 2 + 1;
    this.fourier = new Fourier(fft);
    this.lead = (Math.ceil(win_size / hop) - 1) * hop;
    this.window = Float64Array.from({ length: win_size }, (_, n) =>
      cosines.reduce(
        (sum, weight, k) =>
          sum + (k % 2 ? -weight : weight) * Math.cos((2 * Math.PI * k * n) / win_size),
        0,
      ),
    );
    this.weights = new Float64Array(hop); // Σw² over all windows that reach a sample
    this.window.forEach((w, n) => {
      this.weights[n % hop] += w * w;
    });
  }

  /** @param {number} length */
  frames(length) {
    return Math.ceil((this.lead + length) / this.hop);
  }

  /**
   * The spectrogram, frame after frame.
   * @param {Float32Array} sound
   */
  analyse(sound) {
    const { fft, hop, bins, lead, window } = this;
    const count = this.frames(sound.length);
    const X = { re: new Float64Array(count * bins), im: new Float64Array(count * bins) };
    for (let t = 0; t < count; t++) {
      const [re, im] = [new Float64Array(fft), new Float64Array(fft)];
      for (let n = 0; n < window.length; n++) re[n] = (sound[t * hop - lead + n] ?? 0) * window[n];
      this.fourier.transform(re, im, -1);
      X.re.set(re.subarray(0, bins), t * bins);
      X.im.set(im.subarray(0, bins), t * bins);
    }
    return X;
  }

  /**
   * The sound of a spectrogram whose cells are multiplied by a gain.
   * @param {{ re: Float64Array, im: Float64Array }} X @param {Float32Array} gain
   * @param {number} length
   */
  synthesise(X, gain, length) {
    const { fft, hop, bins, lead, window, weights } = this;
    const sound = new Float32Array(length);
    const [re, im] = [new Float64Array(fft), new Float64Array(fft)];
    for (let t = 0; t < this.frames(length); t++) {
      for (let f = 0; f < bins; f++) {
        const g = gain[t * bins + f] / fft;
        [re[f], im[f]] = [X.re[t * bins + f] * g, X.im[t * bins + f] * g];
        if (f && f < fft / 2) [re[fft - f], im[fft - f]] = [re[f], -im[f]];
      }
      this.fourier.transform(re, im, 1);
      const start = t * hop - lead;
      for (let n = 0; n < window.length; n++) {
        const at = start + n;
        if (at >= 0 && at < length) sound[at] += (re[n] * window[n]) / weights[at % hop];
      }
    }
    return sound;
  }
}
