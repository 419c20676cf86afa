// Runs a third party's client, unmodified, in Chromium against a site.
// Usage: node browser.mjs ndt7|cloudflare|rmbt SITE MODULES CHROMIUM
// MODULES is the node_modules folder that holds the client and Playwright.
// Prints one line of JSON: what the client itself reported.
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [client, site, modules, executablePath] = process.argv.slice(2);
const { chromium } = createRequire(join(modules, 'x.js'))('playwright-core');

const PAGES = {
  ndt7: `<script src="/@m-lab/ndt7/src/ndt7.js"></script><script>
    window.run = async (site) => {
      const seen = { errors: [] };
      const code = await ndt7.test(
        { loadbalancer: site + '/v2/nearest/ndt/ndt7', protocol: 'ws', mlabDataPolicyInapplicable: true,
          downloadworkerfile: '/@m-lab/ndt7/src/ndt7-download-worker.js',
          uploadworkerfile: '/@m-lab/ndt7/src/ndt7-upload-worker.js',
          metadata: { client_name: 'conformance' } },
        { error: (e) => seen.errors.push(String(e)),
          serverChosen: (s) => { seen.machine = s.machine; },
          downloadComplete: (d) => { seen.download = d; },
          uploadComplete: (u) => { seen.upload = u; } });
      return { code, ...seen };
    };</script>`,
  cloudflare: `<script type="module">
    import SpeedTest from '/@cloudflare/speedtest/dist/speedtest.js';
    window.run = (site) => new Promise((resolve) => {
      const errors = [];
      const test = new SpeedTest({
        downloadApiUrl: site + '/__down', uploadApiUrl: site + '/__up', logAimApiUrl: null,
        measurements: [
          { type: 'latency', numPackets: 10 },
          { type: 'download', bytes: 1e6, count: 6 },
          { type: 'download', bytes: 1e7, count: 4, bypassMinDuration: true },
          { type: 'upload', bytes: 1e6, count: 6 },
          { type: 'upload', bytes: 1e7, count: 3, bypassMinDuration: true }] });
      test.onError = (e) => errors.push(String(e));
      test.onFinish = (results) => resolve({
        errors, summary: results.getSummary(), loaded: results.getDownLoadedLatency(),
        downloads: results.getDownloadBandwidthPoints(), uploads: results.getUploadBandwidthPoints() });
    });</script>`,
  // The copy stands beside the modules, since it is no package.
  rmbt: `<script src="/loglevel/dist/loglevel.js"></script><script src="/rmbtws.js"></script><script>
    window.run = (site) => new Promise((resolve) => {
      const seen = {};
      TestEnvironment.init(
        { updateInfo() {}, getGeoResults: () => [] },
        { start: (then) => then(), stop() {}, getResults: () => [] });
      const config = new RMBTTestConfig('en', site, 'RMBTControlServer');
      config.uuid = '61244514-1fe8-483f-814a-1734fa4c4a3f';
      const control = new RMBTControlServerCommunication(config, {
        submit: (event) => { seen.result = event.request; seen.answer = event.response; } });
      const test = new RMBTTest(config, control);
      test.onStateChange((state) => {
        seen.state = state;
        if (state === 'END') setTimeout(() => resolve(seen), 100);
      });
      test.onError((error) => resolve({ ...seen, state: 'ERROR', error: String(error) }));
      test.startTest();
    });</script>`,
};

const pages = createServer(async (request, response) => {
  try {
    if (request.url === '/') {
      response.setHeader('content-type', 'text/html');
      response.end('<!doctype html>' + PAGES[client]);
    } else {
      response.setHeader('content-type', 'text/javascript');
      const copy = request.url === '/rmbtws.js';
      response.end(await readFile(join(modules, copy ? '../rmbtws.js' : request.url)));
    }
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((listening) => pages.listen(0, '127.0.0.1', listening));

const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
try {
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${pages.address().port}/`);
  await page.waitForFunction(() => typeof window.run === 'function');
  console.log(JSON.stringify(await page.evaluate((s) => window.run(s), site)));
} finally {
  await browser.close();
  pages.close();
}
