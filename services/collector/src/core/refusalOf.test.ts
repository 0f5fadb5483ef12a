import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { refusalOf } from './refusalOf.ts';

describe('which addresses may be reached', () => {
  it.each([
    '127.0.0.1', '127.255.255.254', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '169.254.169.254', '169.254.170.2', '100.64.0.1', '100.100.100.200', '0.0.0.0', '0.1.2.3',
    '192.0.0.192', '192.0.2.1', '198.18.0.1', '198.51.100.1', '203.0.113.1', '224.0.0.1', '240.0.0.1', '255.255.255.255', '168.63.129.16',
    '::', '::1', 'fe80::1', 'fe80::1%eth0', 'fc00::1', 'fd00:ec2::254', 'ff02::1', '2001:db8::1', '::ffff:127.0.0.1', '::ffff:a9fe:a9fe', '::ffff:10.0.0.1', '::127.0.0.1', '::7f00:1',
    '64:ff9b::127.0.0.1', '64:ff9b::a9fe:a9fe', '2002:7f00:1::', '2002:a9fe:a9fe::1', '2001::1', 'not an address', '',
  ])('refuses %s', (address) => {
    expect(refusalOf(address, 80, [])).toEqual(expect.any(String));
  });

  it.each(['8.8.8.8', '1.1.1.1', '172.15.255.255', '172.32.0.1', '192.167.255.255', '100.63.255.255', '2606:4700:4700::1111', '::ffff:8.8.8.8', '64:ff9b::8.8.8.8'])('lets %s through', (address) => {
    expect(refusalOf(address, 80, [])).toBeUndefined();
  });

  it('lets through what ALLOW_NETWORKS names, by address and port', () => {
    const only = [{ address: '127.0.0.1', prefix: 32, family: 4 as const, port: 8081 }];
    expect(refusalOf('127.0.0.1', 8081, only)).toBeUndefined();
    expect(refusalOf('::ffff:127.0.0.1', 8081, only)).toBeUndefined();
    expect(refusalOf('127.0.0.1', 8080, only)).toContain('loopback');
    expect(refusalOf('127.0.0.2', 8081, only)).toContain('loopback');
    expect(refusalOf('::1', 8081, only)).toContain('loopback');
    const range = [{ address: '10.20.0.0', prefix: 16, family: 4 as const }, { address: 'fd00::', prefix: 8, family: 6 as const }];
    expect(refusalOf('10.20.255.1', 5432, range)).toBeUndefined();
    expect(refusalOf('10.21.0.1', 5432, range)).toContain('private');
    expect(refusalOf('fd12::1', 1, range)).toBeUndefined();
    expect(refusalOf('169.254.169.254', 80, [{ address: '0.0.0.0', prefix: 0, family: 4 }])).toBeUndefined();
  });

  it('refuses every IPv4 address alike in its IPv6 forms', () => {
    fc.assert(fc.property(fc.ipV4(), (address) => {
      const refused = refusalOf(address, 80, []) !== undefined;
      expect(refusalOf(`::ffff:${address}`, 80, []) !== undefined).toBe(refused);
      if (refused) for (const form of [`64:ff9b::${address}`, `::${address}`]) expect(refusalOf(form, 80, [])).toBeDefined();
    }), { numRuns: 500 });
  });
});
