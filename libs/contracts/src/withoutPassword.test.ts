import { expect, it } from '@jest/globals';
import { withoutPassword } from './withoutPassword.ts';

it.each([
  ['amqp://gleaner:pass@broker:5672/vhost', 'amqp://gleaner@broker:5672/vhost'],
  ['amqp://broker', 'amqp://broker'],
  ['mongodb://user:p@ss/word@one:1,two:2/gleaner?replicaSet=rs&authMechanismProperties=TOKEN:x', 'mongodb://user@one:1,two:2/gleaner'],
  ['mongodb://:pass@one', 'mongodb://one'],
  ['mongodb://one:1,two:2/gleaner?x=1', 'mongodb://one:1,two:2/gleaner'],
  ['pass@word', 'an address that is no url'],
])('%s is shown as %s', (url, shown) => expect(withoutPassword(url)).toBe(shown));
