// Drives one Firefox for the Python tests: a JSON object a line in, one a line out.
// Starts with the settings in argv[2]; ends Firefox when its input ends.

import {createInterface} from "node:readline";
import puppeteer from "puppeteer-core";

// A question that a page does not answer is an error of the test, not a hang.
const ANSWER_TIMEOUT_MS = 40_000;

const settings = JSON.parse(process.argv[2]);
const browser = await puppeteer.launch({
  browser: "firefox",
  protocol: "webDriverBiDi",
  headless: true,
  executablePath: settings.executable,
  userDataDir: settings.profile,
  extraPrefsFirefox: settings.preferences,
  protocolTimeout: ANSWER_TIMEOUT_MS,
});
const pages = new Map();
const complaints = [];
let lastNumber = 0;

const actions = {
  version: () => browser.version(),

  async open({url, width, height}) {
    const page = await browser.newPage();
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    if (width) await page.setViewport({width, height});
    await page.goto(url, {waitUntil: "load"});
    pages.set(++lastNumber, page);
    return lastNumber;
  },

  evaluate: ({page, source, args}) =>
    pages.get(page).evaluate(`(${source})(...${JSON.stringify(args)})`),

  async click({page, selector}) {
    await pages.get(page).bringToFront();
    await pages.get(page).click(selector);
  },

  async screenshot({page, path}) {
    await pages.get(page).screenshot({path, fullPage: true});
  },

  async close({page}) {
    await pages.get(page).close();
    pages.delete(page);
  },

  complaints: () => complaints.splice(0),
};

const say = (answer) => process.stdout.write(JSON.stringify(answer) + "\n");
say({result: await browser.version()});
for await (const line of createInterface({input: process.stdin})) {
  const {action, ...parameters} = JSON.parse(line);
  try {
    say({result: (await actions[action](parameters)) ?? null});
  } catch (error) {
    say({error: String(error?.stack ?? error)});
  }
}
await browser.close();
