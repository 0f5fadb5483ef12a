import type { Fault } from '@gleaner/contracts';

const maxDepth = 20;
const values = ['$eq', '$ne', '$gt', '$gte', '$lt', '$lte'];
const operators = [...values, '$in', '$nin', '$exists', '$regex', '$options', '$not', '$size', '$all', '$elemMatch'];
const joins = ['$and', '$or', '$nor'];

/**
 * What is wrong with a `where`, with dotted paths below `at`; empty where nothing is. Only operators that compare data are let through:
 * nothing that runs code, reads other documents or reaches beyond an item's own data.
 */
export function validateWhere(where: unknown, at = 'where'): Fault[] {
  const faults: Fault[] = [];
  checkQuery(where, at, 0, (path, code, message) => faults.push({ path, code, message }));
  return faults;
}

type Report = (path: string, code: string, message: string) => void;

function checkQuery(query: unknown, at: string, depth: number, report: Report): void {
  if (!isObject(query)) return report(at, 'bad_where', `expected a query such as {"Price": {"$gt": 5}}; saw ${shown(query)}`);
  if (depth > maxDepth) return report(at, 'too_deep', `expected at most ${maxDepth} queries inside each other`);
  for (const [name, operand] of Object.entries(query)) {
    const path = `${at}.${name}`;
    if (joins.includes(name)) {
      if (!Array.isArray(operand) || operand.length === 0) report(path, 'bad_operand', `expected a list of queries in ${name}; saw ${shown(operand)}`);
      else operand.forEach((inner: unknown, index) => checkQuery(inner, `${path}.${index}`, depth + 1, report));
    } else if (name === '$comment') continue;
    else if (name.startsWith('$')) report(path, 'unknown_operator', `expected ${joins.join(', ')} or the path of a field; saw ${name}`);
    else if (name.includes('\0') || name === '' || name.split('.').includes('')) report(path, 'bad_path', `expected the path of a field such as price or offers.0.price; saw ${shown(name)}`);
    else if (isOperators(operand)) checkOperators(operand, path, depth, report);
  }
}

function checkOperators(operand: Readonly<Record<string, unknown>>, at: string, depth: number, report: Report): void {
  if (depth > maxDepth) return report(at, 'too_deep', `expected at most ${maxDepth} queries inside each other`);
  for (const [name, value] of Object.entries(operand)) {
    const path = `${at}.${name}`;
    const expect = (holds: boolean, what: string): void => {
      if (!holds) report(path, 'bad_operand', `expected ${what} in ${name}; saw ${shown(value)}`);
    };
    switch (name) {
      case '$in': case '$nin':
        expect(Array.isArray(value) && !value.some(isOperators), 'a list of values');
        break;
      case '$all': expect(Array.isArray(value), 'a list'); break;
      case '$exists': expect(typeof value === 'boolean', 'true or false'); break;
      case '$size': expect(typeof value === 'number' && Number.isInteger(value) && value >= 0, 'a whole number'); break;
      case '$regex': expect(typeof value === 'string' && isPattern(value), 'a regular expression'); break;
      case '$options': expect(typeof value === 'string' && /^[imsu]*$/.test(value) && '$regex' in operand, 'some of i, m, s beside a $regex'); break;
      case '$not':
        if (isOperators(value)) checkOperators(value, path, depth + 1, report);
        else expect(false, 'operators such as {$gt: 5}');
        break;
      case '$elemMatch':
        if (isOperators(value) && !joins.includes(Object.keys(value)[0] ?? '')) checkOperators(value, path, depth + 1, report);
        else checkQuery(value, path, depth + 1, report);
        break;
      default:
        if (!name.startsWith('$')) report(path, 'mixed', `expected operators only, because the first one is; saw ${shown(name)}`);
        else if (!values.includes(name)) report(path, 'unknown_operator', `expected one of ${operators.join(', ')}; saw ${name}`);
    }
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);
const isOperators = (value: unknown): value is Readonly<Record<string, unknown>> => isObject(value) && Object.keys(value)[0]?.startsWith('$') === true;
const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
};

function isPattern(source: string): boolean {
  try {
    return new RegExp(source, 'u').source.length > 0;
  } catch {
    return false; // a SyntaxError is the answer
  }
}
