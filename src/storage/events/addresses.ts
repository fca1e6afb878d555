import { BlockList, isIP } from 'node:net';

/** What is no host on the open internet: this machine, its networks, and ranges that carry such an address within. */
const WITHIN: readonly (readonly [address: string, bits: number, family: 'ipv4' | 'ipv6'])[] = [
  ['0.0.0.0', 8, 'ipv4'],
  ['10.0.0.0', 8, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.0.0.0', 24, 'ipv4'],
  ['192.0.2.0', 24, 'ipv4'],
  ['192.88.99.0', 24, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['198.18.0.0', 15, 'ipv4'],
  ['198.51.100.0', 24, 'ipv4'],
  ['203.0.113.0', 24, 'ipv4'],
  ['224.0.0.0', 3, 'ipv4'],
  // Of version 6 only 2000::/3 is given out; in it, what translates to version 4 or is for documents.
  ['2001::', 23, 'ipv6'],
  ['2001:db8::', 32, 'ipv6'],
  ['2002::', 16, 'ipv6'],
  ['3fff::', 20, 'ipv6'],
];

const within = new BlockList();
for (const [address, bits, family] of WITHIN) within.addSubnet(address, bits, family);
const given = new BlockList();
given.addSubnet('2000::', 3, 'ipv6');

/** Whether an IP address, as text, is not one of the open internet. What is no address at all is none either. */
export function isWithin(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return within.check(address, 'ipv4');
  if (family === 6) return !given.check(address, 'ipv6') || within.check(address, 'ipv6');
  return true;
}
