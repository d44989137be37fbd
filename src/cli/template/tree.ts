// The tree of a parsed template.

/** A piece of the source: where its text begins and ends, and the place that errors name. */
export interface Span {
  at: number;
  start: number;
  end: number;
}

export type Node =
  | { kind: "text"; text: string }
  | { kind: "action"; pipe: Pipe }
  | { kind: "break" | "continue" }
  | { kind: "if" | "with" | "range"; pipe: Pipe; body: Node[]; otherwise: Node[] };

export interface Pipe {
  at: number;
  end: number;
  /** Variables it declares, or assigns. */
  names: string[];
  assign: boolean;
  commands: Command[];
}

export interface Command {
  at: number;
  end: number;
  words: Operand[];
}

export type Operand = Span &
  (
    | { kind: "dot" }
    | { kind: "nil" }
    | { kind: "literal"; value: string | number | boolean }
    | { kind: "field"; fields: string[] }
    | { kind: "variable"; name: string; fields: string[] }
    | { kind: "function"; name: string }
    | { kind: "pipe"; pipe: Pipe }
    | { kind: "chain"; of: Operand; fields: string[] }
  );
