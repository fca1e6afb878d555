/** Every field of every level, none optional: so that one which only one side has is seen. */
type Whole<T> = T extends (infer U)[] ? Whole<U>[] : T extends object ? { [K in keyof T]-?: Whole<T[K]> } : T;
type Both<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

/**
 * Whether two types have the same fields of the same types. A serializer leaves out what its schema does not name, so a
 * field that is new in a view and was forgotten in its schema would be lost without a word.
 */
export type Agreed<A, B> = Both<A, B> extends true ? Both<Whole<A>, Whole<B>> : false;
