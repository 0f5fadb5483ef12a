/** Labels of one series, for example `{outcome: 'done'}`; keep the values few. */
export type Labels = Readonly<Record<string, string>>;

/** A number that only grows. */
export interface Counter {
  inc(by?: number, labels?: Labels): void;
}
/** A number that moves both ways. */
export interface Gauge {
  set(value: number, labels?: Labels): void;
}
/** Counts of observations by size. */
export interface Histogram {
  observe(value: number, labels?: Labels): void;
}

/** The numbers of a service as Prometheus reads them. */
export interface Metrics {
  counter(name: string, help: string): Counter;
  gauge(name: string, help: string): Gauge;
  /** A gauge that is asked for its value at each scrape; one that throws is left out. */
  gaugeFrom(name: string, help: string, read: () => number): void;
  /** The same for a number that only grows. */
  counterFrom(name: string, help: string, read: () => number): void;
  /** `buckets` are upper bounds, ascending; default 1 ms to 60 s in seconds. */
  histogram(name: string, help: string, buckets?: readonly number[]): Histogram;
  /** Everything in the text format 0.0.4. */
  text(): string;
}

interface Family {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly lines: () => readonly string[];
}

const defaultBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Makes an empty registry that already tells of the process: memory, CPU, event loop and start time. Two families of one name throw. */
export function createMetrics(): Metrics {
  const families = new Map<string, Family>();
  const add = (name: string, family: Family): void => {
    if (!/^[a-z_][a-z0-9_]*$/.test(name)) throw new TypeError(`a metric is named in lower case with underscores, got ${name}`);
    if (families.has(name)) throw new TypeError(`there is already a metric ${name}`);
    families.set(name, family);
  };
  const simple = (name: string, help: string, kind: 'counter' | 'gauge'): { readonly values: Map<string, number> } => {
    const values = new Map<string, number>();
    add(name, { kind, help, lines: () => (values.size === 0 && kind === 'counter' ? [`${name} 0`] : [...values].map(([labels, value]) => `${name}${labels} ${value}`)) });
    return { values };
  };
  const metrics: Metrics = {
    counter(name, help) {
      const { values } = simple(name, help, 'counter');
      return {
        inc: (by = 1, labels = {}) => {
          const key = labelText(labels);
          values.set(key, (values.get(key) ?? 0) + by);
        },
      };
    },
    gauge(name, help) {
      const { values } = simple(name, help, 'gauge');
      return { set: (value, labels = {}) => void values.set(labelText(labels), value) };
    },
    gaugeFrom: (name, help, read) => add(name, { kind: 'gauge', help, lines: asked(name, read) }),
    counterFrom: (name, help, read) => add(name, { kind: 'counter', help, lines: asked(name, read) }),
    histogram(name, help, buckets = defaultBuckets) {
      const series = new Map<string, { readonly labels: Labels; readonly counts: number[]; sum: number; count: number }>();
      add(name, { kind: 'histogram', help, lines: () => [...series.values()].flatMap((one) => histogramLines(name, buckets, one)) });
      return {
        observe: (value, labels = {}) => {
          const key = labelText(labels);
          const one = series.get(key) ?? { labels, counts: buckets.map(() => 0), sum: 0, count: 0 };
          series.set(key, one);
          const slot = buckets.findIndex((bound) => value <= bound);
          if (slot >= 0) one.counts[slot] = (one.counts[slot] ?? 0) + 1;
          one.sum += value;
          one.count += 1;
        },
      };
    },
    text: () => `${[...families].flatMap(([name, family]) => [`# HELP ${name} ${family.help.replaceAll('\n', ' ')}`, `# TYPE ${name} ${family.kind}`, ...family.lines()]).join('\n')}\n`,
  };
  addProcessMetrics(metrics);
  return metrics;
}

const asked = (name: string, read: () => number) => (): readonly string[] => {
  try {
    return [`${name} ${read()}`];
  } catch {
    return []; // a number that cannot be had now must not take the others away
  }
};

function histogramLines(name: string, buckets: readonly number[], one: { labels: Labels; counts: readonly number[]; sum: number; count: number }): readonly string[] {
  let below = 0;
  const lines = buckets.map((bound, slot) => `${name}_bucket${labelText({ ...one.labels, le: String(bound) })} ${(below += one.counts[slot] ?? 0)}`);
  return [...lines, `${name}_bucket${labelText({ ...one.labels, le: '+Inf' })} ${one.count}`, `${name}_sum${labelText(one.labels)} ${one.sum}`, `${name}_count${labelText(one.labels)} ${one.count}`];
}

function labelText(labels: Labels): string {
  const names = Object.keys(labels);
  if (names.length === 0) return '';
  return `{${names.map((name) => `${name}="${String(labels[name]).replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`).join(',')}}`;
}

function addProcessMetrics(metrics: Metrics): void {
  const startedAt = Date.now() / 1000;
  let before = performance.eventLoopUtilization();
  metrics.gaugeFrom('process_start_time_seconds', 'When the process began, Unix seconds.', () => startedAt);
  metrics.gaugeFrom('process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss());
  metrics.gaugeFrom('nodejs_heap_size_used_bytes', 'Heap in use.', () => process.memoryUsage().heapUsed);
  metrics.counterFrom('process_cpu_seconds_total', 'CPU time used, user and system.', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  metrics.gaugeFrom('nodejs_eventloop_utilization', 'Share of time the event loop was busy since the last scrape, 0 to 1.', () => {
    const now = performance.eventLoopUtilization();
    const share = performance.eventLoopUtilization(now, before).utilization;
    before = now;
    return share;
  });
}
