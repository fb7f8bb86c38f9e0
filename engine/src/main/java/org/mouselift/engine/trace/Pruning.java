package org.mouselift.engine.trace;

import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;

/** Removes nodes that neither a result nor an update of an input or weight depends on. */
final class Pruning {
    private Pruning() {}

    /** The live nodes in order. Works on whole buffers: a buffer is wanted from its last live reader back to its maker. */
    static List<Node> live(List<Node> nodes, List<Value> outputs) {
        Set<Buffer> wanted = Collections.newSetFromMap(new IdentityHashMap<>());
        Set<Value> wantedViews = Collections.newSetFromMap(new IdentityHashMap<>());
        for (Value v : outputs) {
            wanted.add(v.buffer());
            wantedViews.add(v);
        }
        List<Node> kept = new ArrayList<>();
        for (int i = nodes.size() - 1; i >= 0; i--) {
            Node n = nodes.get(i);
            Value target = n.overwritten();
            boolean needed;
            if (n.isView()) {
                needed = wantedViews.contains(n.outputs().getFirst());
            } else if (target != null) {
                needed = target.buffer().kind() != Buffer.Kind.LOCAL || wanted.contains(target.buffer());
            } else {
                needed = n.outputs().stream().anyMatch(v -> wanted.contains(v.buffer()));
            }
            if (needed) {
                for (Value v : n.inputs()) {
                    wanted.add(v.buffer());
                    wantedViews.add(v);
                }
                kept.add(n);
            }
        }
        Collections.reverse(kept);
        return kept;
    }
}
