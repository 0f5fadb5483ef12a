import ipaddr from 'ipaddr.js';
import type { AllowedNetwork } from '@gleaner/runtime';

type Address = ReturnType<typeof ipaddr.parse>;

/**
 * Says why an address must not be connected to, or undefined where it may: everything but public unicast is refused (private, loopback, link-local with
 * the metadata services, shared, reserved, multicast, unspecified, IPv6 forms that carry such an IPv4 address) unless a network of `allowed` names address and port.
 */
export function refusalOf(address: string, port: number, allowed: readonly AllowedNetwork[]): string | undefined {
  const bare = address.replace(/%.*$/, '');
  if (!ipaddr.isValid(bare)) return `${address} is no address`;
  const parsed = ipaddr.process(bare);
  if (allowed.some((network) => (network.port === undefined || network.port === port) && includes(network, parsed, bare))) return undefined;
  const range = rangeOf(parsed);
  return range === 'unicast' ? undefined : `${address} is a ${range} address`;
}

function includes(network: AllowedNetwork, address: Address, text: string): boolean {
  const base = ipaddr.parse(network.address);
  const candidate = base.kind() === address.kind() ? address : ipaddr.parse(text);
  if (base.kind() === 'ipv4' && candidate.kind() === 'ipv4') return (candidate as ipaddr.IPv4).match(base as ipaddr.IPv4, network.prefix);
  if (base.kind() === 'ipv6' && candidate.kind() === 'ipv6') return (candidate as ipaddr.IPv6).match(base as ipaddr.IPv6, network.prefix);
  return false;
}

/** A cloud's metadata and wire server at an address that reads as public. */
const metadata: ReadonlySet<string> = new Set(['168.63.129.16']);

function rangeOf(address: Address): string {
  if (metadata.has(address.toString())) return 'metadata';
  const range = address.range();
  if (address.kind() === 'ipv4') return range;
  const bytes = address.toByteArray();
  // A NAT64 gateway connects to the IPv4 address inside; the old form ::a.b.c.d has no right use at all.
  if (range === 'rfc6052') return rangeOf(ipaddr.fromByteArray(bytes.slice(12)));
  if (range === 'unicast' && bytes.slice(0, 12).every((byte) => byte === 0)) return 'reserved';
  return range;
}
