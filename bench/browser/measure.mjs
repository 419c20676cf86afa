// Measures in a real browser against a site, and prints one line of JSON:
// {"download": bit/s, "upload": bit/s, "idle_rtt_us": …, "seconds": …}.
//
//   node measure.mjs cloudflare|librespeed|ispeed BASE PEERS
//
// PEERS holds node_modules with playwright-core and @cloudflare/speedtest, and
// librespeed/ with its speedtest.js and speedtest_worker.js, all unmodified.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const [kind, base, peers] = process.argv.slice(2);
const { chromium } = createRequire(resolve(peers, "package.json"))(
  "playwright-core",
);
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const PATIENCE_MS = 120_000;

/** Files of a peer, answered in the place of the site; all else goes over the link. */
async function serve(page, files) {
  for (const [path, [type, body]] of Object.entries(files)) {
    await page.route(`${base}/${path}`, (route) =>
      route.fulfill({ contentType: type, body }),
    );
  }
  await page.goto(`${base}/peer.html`);
}

const script = (path) => [
  "text/javascript",
  readFileSync(join(peers, path), "utf8"),
];
const html = (text) => [
  "text/html",
  `<!doctype html><meta charset="utf-8">${text}`,
];

async function cloudflare(page) {
  await serve(page, {
    "peer.html": html(
      '<script type="module">window.Test = (await import("/peer.js")).default</script>',
    ),
    "peer.js": script("node_modules/@cloudflare/speedtest/dist/speedtest.js"),
  });
  await page.waitForFunction(() => window.Test);
  return page.evaluate(
    (base) =>
      new Promise((done, fail) => {
        const test = new window.Test({
          downloadApiUrl: `${base}/__down`,
          uploadApiUrl: `${base}/__up`,
          // Nothing is sent to its maker, and there is no TURN server for packet loss.
          logAimApiUrl: null,
          measurements: [
            { type: "latency", numPackets: 1 },
            { type: "download", bytes: 1e5, count: 1, bypassMinDuration: true },
            { type: "latency", numPackets: 20 },
            { type: "download", bytes: 1e5, count: 9 },
            { type: "download", bytes: 1e6, count: 8 },
            { type: "upload", bytes: 1e5, count: 8 },
            { type: "upload", bytes: 1e6, count: 6 },
            { type: "download", bytes: 1e7, count: 6 },
            { type: "upload", bytes: 1e7, count: 4 },
            { type: "download", bytes: 2.5e7, count: 4 },
            { type: "upload", bytes: 2.5e7, count: 4 },
            { type: "download", bytes: 1e8, count: 3 },
            { type: "upload", bytes: 5e7, count: 3 },
            { type: "download", bytes: 2.5e8, count: 2 },
          ],
        });
        test.onFinish = (results) =>
          done({
            download: results.getDownloadBandwidth(),
            upload: results.getUploadBandwidth(),
            idle_rtt_us: results.getUnloadedLatency() * 1000,
          });
        test.onError = fail;
      }),
    base,
  );
}

async function librespeed(page) {
  await serve(page, {
    "peer.html": html('<script src="/speedtest.js"></script>'),
    "speedtest.js": script("librespeed/speedtest.js"),
    "speedtest_worker.js*": script("librespeed/speedtest_worker.js"),
  });
  return page.evaluate(
    () =>
      new Promise((done) => {
        const test = new window.Speedtest();
        let last;
        test.onupdate = (update) => (last = update);
        test.onend = () =>
          done({
            download: last.dlStatus * 1e6,
            upload: last.ulStatus * 1e6,
            idle_rtt_us: last.pingStatus * 1000,
          });
        test.start();
      }),
  );
}

/** The page of this project, as a person uses it. */
async function ispeed(page) {
  const answered = page.waitForResponse(
    (response) =>
      response.url().endsWith("/api/v1/tests") &&
      response.request().method() === "POST",
  );
  await page.goto(base);
  await page.getByRole("radio", { name: "Wi-Fi" }).check();
  await page.getByRole("button", { name: "Bắt đầu đo" }).click();
  const answer = await answered;
  const { observed } = answer.request().postDataJSON();
  const judged = await answer.json();
  const rate = (direction) => observed[direction]?.goodput_bits_per_second;
  return {
    download: rate("download"),
    upload: rate("upload"),
    interval_download: observed.download?.interval_bits_per_second,
    interval_upload: observed.upload?.interval_bits_per_second,
    seconds_download: (observed.download?.duration_us ?? 0) / 1e6,
    seconds_upload: (observed.upload?.duration_us ?? 0) / 1e6,
    limited_by_download: judged.download_limited_by,
    limited_by_upload: judged.upload_limited_by,
    idle_rtt_us: middle(observed.idle?.rtt_us),
  };
}

function middle(values) {
  return (
    values && [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]
  );
}

const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    // Workers and storage as on https; the link itself stays plain.
    `--unsafely-treat-insecure-origin-as-secure=${base}`,
  ],
});
try {
  const context = await browser.newContext({
    permissions: ["geolocation"],
    geolocation: { latitude: 10.7798, longitude: 106.699, accuracy: 12 },
  });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const said = await { cloudflare, librespeed, ispeed }[kind](page);
  console.log(JSON.stringify(said));
} finally {
  await browser.close();
}
