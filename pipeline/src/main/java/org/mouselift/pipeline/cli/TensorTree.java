package org.mouselift.pipeline.cli;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeSet;
import org.mouselift.data.checkpoint.StoredTensor;

/**
 * Tensors by the dots of their names, with the number of parameters below every name. Numbered siblings of the same build
 * (the blocks of a transformer) are shown once.
 */
final class TensorTree {
    private static final int MAX_DEPTH = 24;

    private final Map<String, TensorTree> children = new LinkedHashMap<>();
    private StoredTensor tensor;
    private long parameters;

    static TensorTree of(Collection<StoredTensor> tensors) {
        TensorTree root = new TensorTree();
        for (StoredTensor tensor : tensors) {
            TensorTree node = root;
            node.parameters += tensor.elements();
            for (String part : tensor.name().split("[./]", MAX_DEPTH)) {
                node = node.children.computeIfAbsent(part, _ -> new TensorTree());
                node.parameters += tensor.elements();
            }
            node.tensor = tensor;
        }
        return root;
    }

    void print(PrintWriter out) {
        print(out, "  ");
    }

    private void print(PrintWriter out, String indent) {
        List<Map.Entry<String, TensorTree>> entries = new ArrayList<>(children.entrySet());
        for (int i = 0; i < entries.size(); ) {
            TensorTree child = entries.get(i).getValue();
            int last = i;
            while (isNumber(entries.get(i).getKey()) && last + 1 < entries.size() && isNumber(entries.get(last + 1).getKey())
                    && child.signature().equals(entries.get(last + 1).getValue().signature())) {
                last++;
            }
            StringBuilder name = new StringBuilder(entries.get(i).getKey());
            if (last > i) {
                name.append("..").append(entries.get(last).getKey());
            }
            while (child.tensor == null && child.children.size() == 1) { // a chain is one line
                Map.Entry<String, TensorTree> only = child.children.entrySet().iterator().next();
                name.append('.').append(only.getKey());
                child = only.getValue();
            }
            String times = last > i ? (last - i + 1) + " × " : "";
            out.printf(Locale.ROOT, "%-72s %s%s%n", indent + Printable.line(name.toString()), times, child.tensor != null && child.children.isEmpty()
                    ? child.tensor.describe() : String.format(Locale.ROOT, "%,d parameters%s", child.parameters, child.types()));
            child.print(out, indent + "  ");
            i = last + 1;
        }
    }

    private static boolean isNumber(String text) {
        return !text.isEmpty() && text.chars().allMatch(c -> c >= '0' && c <= '9');
    }

    /** Names, types and shapes below: what two blocks of the same build share. */
    private String signature() {
        StringBuilder text = new StringBuilder(tensor == null ? "" : tensor.describe());
        children.forEach((name, child) -> text.append('{').append(name).append('=').append(child.signature()).append('}'));
        return text.toString();
    }

    private String types() {
        TreeSet<String> types = new TreeSet<>();
        collect(types);
        return types.isEmpty() ? "" : ", " + String.join("/", types);
    }

    private void collect(TreeSet<String> types) {
        if (tensor != null) {
            types.add(tensor.type().name());
        }
        children.values().forEach(child -> child.collect(types));
    }
}
