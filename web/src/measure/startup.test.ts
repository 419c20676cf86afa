import { expect, test } from 'vitest';
import { Startup } from './startup';

const said = JSON.stringify({ stream: 3, startup_left_us: 1 });

test('the last stream decides', () => {
  const startup = new Startup();
  expect(startup.allLeftUs).toBeUndefined();
  startup.joined(0);
  startup.joined(1);
  startup.heard(1, said, 700_000.4);
  expect(startup.allLeftUs).toBeUndefined();
  startup.heard(0, said, 500_000);
  startup.heard(1, said, 900_000);
  expect(startup.allLeftUs).toBe(700_000);
  startup.joined(2);
  expect(startup.allLeftUs).toBeUndefined();
});

test('other texts are ignored', () => {
  const startup = new Startup();
  startup.joined(0);
  for (const text of ['', '{', 'null', '7', '{"bin": 1}']) startup.heard(0, text, 1);
  expect(startup.allLeftUs).toBeUndefined();
});
