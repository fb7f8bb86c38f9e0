package org.mouselift.tornado.plan;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.mouselift.engine.DType;
import org.mouselift.engine.trace.Buffer;
import org.mouselift.engine.trace.Node;
import org.mouselift.engine.trace.Program;
import org.mouselift.engine.trace.Value;
import org.mouselift.tornado.launch.Elementwise;

/**
 * Chains of element-wise nodes that one kernel computes: a node joins the node that uses its result if nobody else uses it, the
 * shapes are equal, and nothing is overwritten in between.
 */
public final class Chains {
    /** Links of a chain; each is one or two instructions of the kernel. */
    private static final int MOST_LINKS = 8;

    /** A node and the operand that is the result of the link before it, -1 for the first link. */
    public record Link(Node node, int carried) {}

    private final Program program;
    /** Producer that a node takes in, by node index. */
    private final Map<Integer, Integer> producer = new HashMap<>();
    private final boolean[] absorbed;

    private Chains(Program program) {
        this.program = program;
        absorbed = new boolean[program.nodes().size()];
    }

    static Chains of(Program program) {
        Chains c = new Chains(program);
        List<Node> nodes = program.nodes();
        Map<Buffer, Integer> uses = new HashMap<>();
        Map<Value, Integer> madeBy = new HashMap<>();
        for (int i = 0; i < nodes.size(); i++) {
            int index = i;
            nodes.get(i).inputs().forEach(v -> uses.merge(v.buffer(), 1, Integer::sum));
            nodes.get(i).outputs().forEach(v -> madeBy.put(v, index));
        }
        program.outputs().forEach(v -> uses.merge(v.buffer(), 1, Integer::sum));
        int lastWrite = -1;
        int[] length = new int[nodes.size()];
        int[] loads = new int[nodes.size()];
        for (int i = 0; i < nodes.size(); i++) {
            Node n = nodes.get(i);
            if (n.overwritten() != null) {
                lastWrite = i;
            }
            if (!Elementwise.OPERATIONS.contains(n.operation().getClass())) {
                continue;
            }
            length[i] = 1;
            loads[i] = n.inputs().size();
            for (Value v : n.inputs()) {
                Integer from = madeBy.get(v);
                if (from == null || length[from] == 0 || uses.get(v.buffer()) != 1 || lastWrite >= from || !c.fits(nodes.get(from), n, v)
                        || length[from] + 1 > MOST_LINKS || loads[from] + n.inputs().size() - 1 > Elementwise.MOST_OPERANDS) {
                    continue;
                }
                c.producer.put(i, from);
                c.absorbed[from] = true;
                length[i] = length[from] + 1;
                loads[i] = loads[from] + n.inputs().size() - 1;
                break;
            }
        }
        return c;
    }

    /** Between the two lies no change of shape and no type that a float cannot carry. */
    private boolean fits(Node from, Node to, Value v) {
        DType t = v.spec().dtype();
        Value target = to.overwritten();
        Value shape = target != null ? target : to.outputs().getFirst();
        return (t == DType.F32 || t == DType.BOOL) && v.spec().shape().equals(shape.spec().shape()) && v.spec().numel() > 0
                && (target == null || target != v);
    }

    /** True if the node is computed by the launch of a later one. */
    boolean isAbsorbed(int node) {
        return absorbed[node];
    }

    /** The links that end at a node, in order of computation. */
    List<Link> endingAt(int node) {
        List<Link> links = new ArrayList<>();
        int at = node;
        while (true) {
            Integer from = producer.get(at);
            Node n = program.nodes().get(at);
            links.add(new Link(n, from == null ? -1 : n.inputs().indexOf(program.nodes().get(from).outputs().getFirst())));
            if (from == null) {
                break;
            }
            at = from;
        }
        Collections.reverse(links);
        return links;
    }
}
