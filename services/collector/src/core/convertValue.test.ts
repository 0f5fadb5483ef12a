import { describe, expect, it } from '@jest/globals';
import { convertValue } from './convertValue.ts';
import type { FieldType } from './convertValue.ts';

describe('types of fields', () => {
  it.each<[FieldType, boolean, unknown, unknown]>([
    ['number', false, '26.45000', 26.45], ['number', false, ' 1 234.5 ', 1234.5], ['number', false, '1,234,567.8', 1234567.8], ['number', false, "1'234", 1234], ['number', false, '+7', 7], ['number', false, '\u22127', -7], ['number', false, '.5', 0.5], ['number', false, '007', 7],
    ['number', false, '1e3', 1000], ['number', false, '-0', -0], ['number', false, '1\u202f234', 1234], ['number', false, '9007199254740993', '9007199254740993'], ['number', false, '1e400', '1e400'], ['number', false, 5, 5], ['number', false, '', null], ['number', false, null, null],
    ['number', true, '1.234,50', 1234.5], ['number', true, '1 234,5', 1234.5], ['number', true, '-0,25', -0.25], ['number', true, '1234', 1234], ['number', true, '12.345.678', 12345678], ['number', true, '-1.234', -1234], ['number', true, "1'234,5", 1234.5], ['number', true, '1\u00a0234\u00a0567,8', 1234567.8], ['number', false, '- 1 234', -1234], ['number', false, '12 345 678.25', 12345678.25], ['number', true, '5,', 5], ['number', true, '0,500', 0.5], ['number', true, '00,5', 0.5], ['number', false, '100,000', 100000],
    ['string', false, 5, '5'], ['string', false, -0, '-0'], ['string', false, true, 'true'], ['string', false, { a: [1] }, '{"a":[1]}'], ['string', false, '', ''],
    ['boolean', false, true, true], ['boolean', false, 'Yes', true], ['boolean', false, 1, true], ['boolean', false, 'f', false], ['boolean', false, '0', false], ['boolean', false, ' off ', false], ['boolean', false, '', null],
    ['date', false, '2022-03-15', '2022-03-15T00:00:00.000Z'], ['date', false, '2022-03-15 10:20', '2022-03-15T10:20:00.000Z'], ['date', false, '2022-03-15T10:20:30,5+02:00', '2022-03-15T08:20:30.500Z'], ['date', false, '2022-03-15T10:20:30Z', '2022-03-15T10:20:30.000Z'],
    ['date', false, '15.03.2022', '2022-03-15T00:00:00.000Z'], ['date', false, '5.3.2022 07:08:09', '2022-03-05T07:08:09.000Z'], ['date', false, '20220315', '2022-03-15T00:00:00.000Z'], ['date', false, 'Tue, 15 Mar 2022 10:20:30 GMT', '2022-03-15T10:20:30.000Z'],
    ['date', false, 1526500000, '2018-05-16T19:46:40.000Z'], ['date', false, 1526500000123, '2018-05-16T19:46:40.123Z'], ['date', false, '1526500000', '2018-05-16T19:46:40.000Z'], ['date', false, 0, '1970-01-01T00:00:00.000Z'], ['date', false, '', null],
    ['date', false, '20240101123000', '2024-01-01T12:30:00.000Z'], ['date', false, '202401011230', '2024-01-01T12:30:00.000Z'], ['date', false, 20240101, '2024-01-01T00:00:00.000Z'], ['date', false, 20240101123059, '2024-01-01T12:30:59.000Z'], ['date', false, 202401011230, '2024-01-01T12:30:00.000Z'],
    ['date', false, '2024-02-29', '2024-02-29T00:00:00.000Z'], ['date', false, 999999999999, '2001-09-09T01:46:39.999Z'], ['date', false, 32503680000000, '3000-01-01T00:00:00.000Z'], ['date', false, 31536000, '1971-01-01T00:00:00.000Z'], ['date', false, '99991231235959', '9999-12-31T23:59:59.000Z'], ['date', false, '18991231', '1899-12-31T00:00:00.000Z'], ['date', false, '2022-03-15t10:20:30z', '2022-03-15T10:20:30.000Z'], ['date', false, 'Tue, 15 Mar 2022 10:20:30 +0200', '2022-03-15T08:20:30.000Z'], ['date', false, '2022-03-15 10:20 +0200', '2022-03-15T08:20:00.000Z'], ['date', false, -20240101, '1969-05-11T17:44:59.000Z'], ['date', false, '2024-01-01T24:00', '2024-01-02T00:00:00.000Z'],
  ])('%s (decimal comma: %s) of %j is %j', (type, comma, value, expected) => {
    const converted = convertValue(value, type, comma);
    expect(converted).toEqual({ value: expected, ok: true });
    if (typeof expected === 'number') expect(Object.is(converted.value, expected)).toBe(true);
  });

  it.each<[FieldType, boolean, unknown]>([
    ['number', false, 'N/A'], ['number', false, '1,5'], ['number', false, '1.2.3'], ['number', false, '12,34,567'], ['number', false, '-'], ['number', false, 'Infinity'], ['number', false, '0x10'], ['number', false, true], ['number', false, ['1']], ['number', true, '1,2,3'], ['number', true, '1.5'], ['number', true, '41.50'], ['number', true, '1.2345'], ['number', true, '1.234.56'], ['number', true, '1.234 567'], ['number', false, '10 20'], ['number', false, "5'6"], ['number', false, '1 2345'], ['number', false, '1234 567'], ['number', false, "1'234 567"], ['number', false, '1 234,567'], ['number', false, '1  234'], ['number', false, '0,500'], ['number', false, '-0,500'], ['number', false, '01,234'], ['number', false, '0 500'], ['number', true, '0.500'], ['number', true, '-0.125'], ['number', true, '012.345'], ['number', true, '000.000,5'],
    ['boolean', false, 'maybe'], ['boolean', false, 2], ['date', false, '2022-13-45'], ['date', false, '31.02.20222'], ['date', false, 'soon'], ['date', false, { at: 1 }], ['date', false, '2022-02-30x'], ['date', false, '2024-02-30'], ['date', false, '2023-02-29T10:00Z'], ['date', false, '31.02.2024'], ['date', false, '20240230'], ['date', false, '2024-06-31 10:00+02:00'], ['date', false, 'Sat, 31 Feb 2024 10:20:30 GMT'], ['date', false, 'Thu, 15 Foo 2024 10:20:30 GMT'], ['date', false, '2024-01-01T25:00'], ['date', false, 20240230], ['date', false, '202413011230'], ['date', false, '20240101126000'], ['date', false, '31536000'], ['date', false, '-9991231'],
  ])('%s (decimal comma: %s) keeps %j as it came, and says so', (type, comma, value) => {
    expect(convertValue(value, type, comma)).toEqual({ value, ok: false });
  });
});
