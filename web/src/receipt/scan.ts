// Reading a QR code with the camera, where the browser can.

interface Detector {
  detect(source: HTMLVideoElement): Promise<readonly { rawValue: string }[]>;
}
interface WithDetector {
  BarcodeDetector?: new (options: { formats: string[] }) => Detector;
}

const detector = (): WithDetector['BarcodeDetector'] =>
  (globalThis as unknown as WithDetector).BarcodeDetector;

export function canScan(): boolean {
  return detector() !== undefined && navigator.mediaDevices?.getUserMedia !== undefined;
}

/** Time between two looks; a frame in four is enough for a hand that holds still. */
const PAUSE_MS = 120;

/**
 * Shows the camera in `video` until a code is read or `signal` says stop.
 * Rejects when the camera is denied or absent.
 */
export async function scan(video: HTMLVideoElement, signal: AbortSignal): Promise<string> {
  const Detector = detector();
  if (Detector === undefined) throw new Error('no detector');
  const stream = await navigator.mediaDevices.getUserMedia({
    video: { facingMode: 'environment' },
  });
  try {
    video.srcObject = stream;
    await video.play();
    const reader = new Detector({ formats: ['qr_code'] });
    while (!signal.aborted) {
      const [found] = await reader.detect(video);
      if (found !== undefined) return found.rawValue;
      await new Promise((done) => setTimeout(done, PAUSE_MS));
    }
    throw new DOMException('stopped', 'AbortError');
  } finally {
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  }
}
