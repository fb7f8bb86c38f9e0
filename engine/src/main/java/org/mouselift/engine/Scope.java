package org.mouselift.engine;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;

/**
 * Owner of tensor memory. {@code try (Scope s = Scope.open("step")) {…}} frees every tensor made inside, except those
 * moved out with {@link Tensor#moveTo}. Scopes nest per thread; the innermost open one receives new tensors.
 *
 * <p>{@link #detached} makes a scope that is not on the stack, for memory with a life of its own (the weights of a
 * model, the state of an optimiser).
 */
public final class Scope implements AutoCloseable {
    private static final ThreadLocal<ArrayDeque<Scope>> STACK = ThreadLocal.withInitial(ArrayDeque::new);

    private final String name;
    private final boolean stacked;
    private final Set<Storage> owned = Collections.newSetFromMap(new IdentityHashMap<>());
    private boolean closed;

    private Scope(String name, boolean stacked) {
        this.name = name;
        this.stacked = stacked;
    }

    /** Opens a scope on this thread; close it in the reverse order of opening. */
    public static Scope open(String name) {
        Scope scope = new Scope(name, true);
        STACK.get().push(scope);
        return scope;
    }

    /** A scope that receives tensors only through {@link Tensor#moveTo} or {@link #run}. */
    public static Scope detached(String name) {
        return new Scope(name, false);
    }

    /** The innermost open scope of this thread. */
    public static Scope current() {
        Scope scope = STACK.get().peek();
        if (scope == null) {
            throw new EngineException("no scope is open on this thread: wrap the work in try (Scope s = Scope.open(\"…\")) { … }");
        }
        return scope;
    }

    /** The innermost open scope or null. */
    public static Scope currentOrNull() {
        return STACK.get().peek();
    }

    /** Runs a body whose new tensors belong to this (detached) scope. */
    public <T> T run(java.util.function.Supplier<T> body) {
        STACK.get().push(this);
        try {
            return body.get();
        } finally {
            STACK.get().pop();
        }
    }

    /**
     * Runs a body and frees what it made at its end, except for the memory of its results, which goes to the scope outside.
     * Without an open scope (a trace needs none) the body just runs.
     */
    static List<Tensor> keepResults(String name, java.util.function.Supplier<List<Tensor>> body) {
        Scope outer = currentOrNull();
        if (outer == null) {
            return body.get();
        }
        try (Scope inner = open(name)) {
            List<Tensor> results = body.get();
            for (Tensor t : results) {
                if (t != null && t.ownedBy(inner)) {
                    t.moveTo(outer);
                }
            }
            return results;
        }
    }

    /** Runs a body and frees what it made at its end, except for the memory of its result, which goes to the scope outside. */
    public static Tensor keeping(String name, java.util.function.Supplier<Tensor> body) {
        return keepResults(name, () -> List.of(body.get())).getFirst();
    }

    /**
     * Runs steps one after the other, each on the result of the one before. What a step makes is freed at its end, and its result as soon
     * as the next step has used it; the last result goes to the scope outside. Operands that a step did not make stay as they are. For
     * work that no tape records.
     */
    public static Tensor chain(String name, Tensor first, Iterable<? extends UnaryOperator<Tensor>> steps) {
        Scope outer = currentOrNull();
        Scope held = null;
        Tensor x = first;
        try {
            for (UnaryOperator<Tensor> step : steps) {
                Tensor operand = x;
                if (outer == null) {
                    x = step.apply(operand);
                    continue;
                }
                Scope next = detached(name);
                x = next.run(() -> keeping(name, () -> step.apply(operand)));
                if (held != null) {
                    if (x.ownedBy(held)) {
                        x.moveTo(next);
                    }
                    held.close();
                }
                held = next;
            }
            if (held != null && x.ownedBy(held)) {
                x.moveTo(outer);
            }
            return x;
        } finally {
            if (held != null) {
                held.close();
            }
        }
    }

    public String name() {
        return name;
    }

    /** Number of blocks this scope owns. */
    public int size() {
        return owned.size();
    }

    synchronized void adopt(Storage storage) {
        if (closed) {
            throw new EngineException("scope '" + name + "' is closed and cannot own new tensors");
        }
        Scope before = storage.owner();
        if (before == this) {
            return;
        }
        if (before != null) {
            before.forget(storage);
        }
        owned.add(storage);
        storage.owner(this);
    }

    synchronized void forget(Storage storage) {
        owned.remove(storage);
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        if (stacked) {
            ArrayDeque<Scope> stack = STACK.get();
            if (stack.peek() != this) {
                throw new EngineException("scope '" + name + "' closed out of order: the innermost open scope is "
                        + (stack.peek() == null ? "none" : "'" + stack.peek().name + "'"));
            }
            stack.pop();
        }
        closed = true;
        List<Storage> all = new ArrayList<>(owned);
        owned.clear();
        for (Storage s : all) {
            s.close();
        }
    }
}
