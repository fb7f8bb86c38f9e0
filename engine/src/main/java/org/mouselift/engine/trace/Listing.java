package org.mouselift.engine.trace;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.mouselift.engine.Operation;

/** The readable form of a program. */
final class Listing {
    private Listing() {}

    static String of(Program p) {
        StringBuilder b = new StringBuilder("program ").append(p.name()).append('(');
        List<String> parts = new ArrayList<>();
        for (Value v : p.inputs()) {
            parts.add(v + " " + v.buffer().name() + ": " + v.spec() + (p.writes(v.buffer()) ? " overwritten" : ""));
        }
        b.append(String.join(", ", parts)).append(")\n");
        Set<String> external = new TreeSet<>();
        for (Buffer x : p.buffers()) {
            if (x.tensor() != null) {
                external.add("  " + x.kind().name().toLowerCase(java.util.Locale.ROOT) + " " + x.name() + ": " + x.spec()
                        + (p.writes(x) ? " overwritten" : ""));
            }
        }
        external.forEach(line -> b.append(line).append('\n'));
        for (Node n : p.nodes()) {
            b.append("  ").append(node(n)).append('\n');
        }
        List<String> results = new ArrayList<>();
        p.outputs().forEach(v -> results.add(v + " : " + v.spec()));
        b.append("  return ").append(String.join(", ", results)).append('\n');
        return b.append("  ").append(p.plan()).append('\n').toString();
    }

    /** One line: results, operation with parameters, operands, types, module path. */
    static String node(Node n) {
        StringBuilder b = new StringBuilder();
        if (!n.outputs().isEmpty()) {
            b.append(join(n.outputs())).append(" = ");
        }
        b.append(n.operation().name()).append(parameters(n.operation())).append('(').append(join(n.inputs())).append(')');
        if (n.overwritten() != null) {
            b.append(" overwrites ").append(n.overwritten());
        }
        if (!n.outputs().isEmpty()) {
            List<String> specs = new ArrayList<>();
            n.outputs().forEach(v -> specs.add(v.spec().toString()));
            b.append(" : ").append(String.join(", ", specs));
        }
        if (n.isView()) {
            b.append(" view of ").append(n.inputs().getFirst());
        }
        if (!n.path().isEmpty()) {
            b.append("   # ").append(n.path());
        }
        return b.toString();
    }

    private static String join(List<Value> values) {
        return String.join(", ", values.stream().map(Value::toString).toList());
    }

    /** The parameters of an operation record as its own text gives them: {@code [scale=2.0, shift=0.0]}. */
    private static String parameters(Operation operation) {
        String text = operation.toString();
        int open = text.indexOf('[');
        return open < 0 || text.endsWith("[]") ? "" : text.substring(open);
    }
}
