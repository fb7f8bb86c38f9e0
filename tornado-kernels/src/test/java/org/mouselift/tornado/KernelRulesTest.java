package org.mouselift.tornado;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.source.tree.AnnotationTree;
import com.sun.source.tree.AssignmentTree;
import com.sun.source.tree.ArrayTypeTree;
import com.sun.source.tree.BinaryTree;
import com.sun.source.tree.BreakTree;
import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.CompoundAssignmentTree;
import com.sun.source.tree.ContinueTree;
import com.sun.source.tree.ExpressionTree;
import com.sun.source.tree.ForLoopTree;
import com.sun.source.tree.IdentifierTree;
import com.sun.source.tree.IfTree;
import com.sun.source.tree.LambdaExpressionTree;
import com.sun.source.tree.LiteralTree;
import com.sun.source.tree.MemberSelectTree;
import com.sun.source.tree.MethodInvocationTree;
import com.sun.source.tree.MethodTree;
import com.sun.source.tree.PrimitiveTypeTree;
import com.sun.source.tree.ReturnTree;
import com.sun.source.tree.SwitchTree;
import com.sun.source.tree.ThrowTree;
import com.sun.source.tree.Tree;
import com.sun.source.tree.VariableTree;
import com.sun.source.tree.WhileLoopTree;
import com.sun.source.tree.DoWhileLoopTree;
import com.sun.source.util.JavacTask;
import com.sun.source.util.TreeScanner;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import javax.lang.model.type.TypeKind;
import javax.tools.JavaCompiler;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;

/**
 * What device compilers get wrong stays out of the kernels. The first rules are documented limits of TornadoVM 5.2; the last ones
 * were met here on OpenCL: arrays passed to a method are read with a shifted address, a boolean variable built with both
 * {@code ||} and {@code &&} has the wrong value, a constant NaN does not compile, a switch whose cases have gaps takes wrong ones.
 * On PTX a fragment of a matrix instruction is lost, without an error, where its value at the start of a loop or after a condition is
 * its value of an outer loop: only the name of its registers is copied.
 */
class KernelRulesTest {
    private static final Path KERNELS = Path.of(System.getProperty("mouselift.root"), "tornado-kernels/src/gpu/java/org/mouselift/tornado/kernel");
    private static final Set<String> FORBIDDEN_CALLS = Set.of("fma", "floatToIntBits", "floatToRawIntBits", "intBitsToFloat", "println");
    private static final int MOST_ARGUMENTS = 20;

    private static List<String> breaches(String name, String source) throws IOException {
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        SimpleJavaFileObject file = new SimpleJavaFileObject(URI.create("string:///" + name), javax.tools.JavaFileObject.Kind.SOURCE) {
            @Override
            public CharSequence getCharContent(boolean ignoreEncodingErrors) {
                return source;
            }
        };
        JavacTask task = (JavacTask) compiler.getTask(null, null, d -> { }, List.of("-proc:none"), null, List.of(file));
        Scan scan = new Scan(name);
        for (CompilationUnitTree unit : task.parse()) {
            scan.scan(unit, null);
        }
        scan.recursion();
        return scan.found;
    }

    private static final class Scan extends TreeScanner<Void, Void> {
        private final List<String> found = new ArrayList<>();
        private final Map<String, Set<String>> calls = new HashMap<>();
        private final String file;
        private String method = "";
        private int loops;
        private int switches;
        private int conditions;
        /** Loops and conditions around the declarations of fragments. */
        private final Map<String, int[]> fragments = new HashMap<>();

        Scan(String file) {
            this.file = file;
        }

        private void breach(String what) {
            found.add(file + ", " + method + ": " + what);
        }

        @Override
        public Void visitMethod(MethodTree m, Void nothing) {
            String outside = method;
            method = m.getName().toString();
            fragments.clear();
            calls.computeIfAbsent(method, k -> new HashSet<>());
            boolean kernel = m.getParameters().stream().anyMatch(p -> p.getType().toString().equals("KernelContext"));
            if (m.getParameters().size() > MOST_ARGUMENTS) {
                breach("more than " + MOST_ARGUMENTS + " arguments");
            }
            for (VariableTree p : m.getParameters()) {
                if (p.getType() instanceof ArrayTypeTree && !kernel) {
                    breach("an array is passed to a method");
                }
            }
            super.visitMethod(m, nothing);
            method = outside;
            return null;
        }

        @Override
        public Void visitVariable(VariableTree v, Void nothing) {
            if (v.getType() instanceof PrimitiveTypeTree t && t.getPrimitiveTypeKind() == TypeKind.BOOLEAN) {
                breach("a boolean variable");
            }
            if (v.getInitializer() instanceof MethodInvocationTree call && call.getMethodSelect().toString().endsWith(".mmaFragment")) {
                fragments.put(v.getName().toString(), new int[] {loops, conditions});
            }
            return super.visitVariable(v, nothing);
        }

        @Override
        public Void visitIf(IfTree t, Void nothing) {
            conditions++;
            super.visitIf(t, nothing);
            conditions--;
            return null;
        }

        @Override
        public Void visitAssignment(AssignmentTree t, Void nothing) {
            int[] declared = fragments.get(t.getVariable().toString());
            if (declared != null && (conditions != declared[1] || loops > declared[0] + 1)) {
                breach("a fragment that goes from one loop or condition into another");
            }
            return super.visitAssignment(t, nothing);
        }

        private Void loop(Runnable inside) {
            int outer = switches;
            switches = 0;
            loops++;
            inside.run();
            loops--;
            switches = outer;
            return null;
        }

        @Override
        public Void visitForLoop(ForLoopTree t, Void nothing) {
            return loop(() -> super.visitForLoop(t, nothing));
        }

        @Override
        public Void visitWhileLoop(WhileLoopTree t, Void nothing) {
            return loop(() -> super.visitWhileLoop(t, nothing));
        }

        @Override
        public Void visitDoWhileLoop(DoWhileLoopTree t, Void nothing) {
            return loop(() -> super.visitDoWhileLoop(t, nothing));
        }

        @Override
        public Void visitSwitch(SwitchTree t, Void nothing) {
            int[] cases = t.getCases().stream().flatMap(c -> c.getExpressions().stream()).filter(e -> e instanceof LiteralTree l && l.getValue() instanceof Integer)
                    .mapToInt(e -> (Integer) ((LiteralTree) e).getValue()).sorted().toArray();
            if (cases.length > 0 && cases[cases.length - 1] - cases[0] >= cases.length) {
                breach("a switch with gaps");
            }
            switches++;
            super.visitSwitch(t, nothing);
            switches--;
            return null;
        }

        @Override
        public Void visitBreak(BreakTree t, Void nothing) {
            if (switches == 0 || t.getLabel() != null) {
                breach("a loop is left by break");
            }
            return null;
        }

        @Override
        public Void visitContinue(ContinueTree t, Void nothing) {
            breach("continue");
            return null;
        }

        @Override
        public Void visitReturn(ReturnTree t, Void nothing) {
            if (loops > 0) {
                breach("return inside a loop");
            }
            return super.visitReturn(t, nothing);
        }

        @Override
        public Void visitThrow(ThrowTree t, Void nothing) {
            breach("throw");
            return null;
        }

        @Override
        public Void visitLambdaExpression(LambdaExpressionTree t, Void nothing) {
            breach("a lambda");
            return null;
        }

        @Override
        public Void visitBinary(BinaryTree t, Void nothing) {
            shift(t.getKind());
            if (t.getKind() == Tree.Kind.DIVIDE && zero(t.getLeftOperand()) && zero(t.getRightOperand())) {
                breach("a constant NaN");
            }
            return super.visitBinary(t, nothing);
        }

        private static boolean zero(ExpressionTree e) {
            return e instanceof LiteralTree l && l.getValue() instanceof Number n && n.doubleValue() == 0;
        }

        @Override
        public Void visitCompoundAssignment(CompoundAssignmentTree t, Void nothing) {
            shift(t.getKind());
            return super.visitCompoundAssignment(t, nothing);
        }

        private void shift(Tree.Kind kind) {
            if (kind.name().contains("RIGHT_SHIFT")) {
                breach("a right shift");
            }
        }

        @Override
        public Void visitMethodInvocation(MethodInvocationTree t, Void nothing) {
            ExpressionTree called = t.getMethodSelect();
            String name = called instanceof IdentifierTree i ? i.getName().toString() : ((MemberSelectTree) called).getIdentifier().toString();
            if (FORBIDDEN_CALLS.contains(name)) {
                breach("a call of " + name);
            }
            if (called instanceof IdentifierTree) {
                calls.computeIfAbsent(method, k -> new HashSet<>()).add(name);
            }
            return super.visitMethodInvocation(t, nothing);
        }

        @Override
        public Void visitAnnotation(AnnotationTree t, Void nothing) {
            if (t.getAnnotationType().toString().endsWith("Reduce")) {
                breach("@Reduce");
            }
            return null;
        }

        /** Methods of one class that reach themselves. */
        void recursion() {
            for (String m : calls.keySet()) {
                Set<String> reached = new HashSet<>(calls.get(m));
                boolean grew = true;
                while (grew) {
                    Set<String> more = new HashSet<>(reached);
                    reached.forEach(r -> more.addAll(calls.getOrDefault(r, Set.of())));
                    grew = reached.addAll(more);
                }
                if (reached.contains(m)) {
                    method = m;
                    breach("recursion");
                }
            }
        }
    }

    @Test
    void theKernelsKeepTheRules() throws IOException {
        List<String> found = new ArrayList<>();
        int files = 0;
        try (Stream<Path> all = Files.list(KERNELS)) {
            for (Path p : all.filter(f -> f.toString().endsWith("Kernel.java")).sorted().toList()) {
                found.addAll(breaches(p.getFileName().toString(), Files.readString(p)));
                files++;
            }
        }
        assertEquals(List.of(), found);
        assertTrue(files >= 9, "only " + files + " kernel classes were found in " + KERNELS);
    }

    @Test
    void everyBreachIsSeen() throws IOException {
        Map<String, String> bad = Map.ofEntries(
                Map.entry("int h(int x) { return x >>> 3; }", "a right shift"),
                Map.entry("int h(int x) { x >>= 1; return x; }", "a right shift"),
                Map.entry("void h(int n) { for (int i = 0; i < n; i++) { if (i == 3) { break; } } }", "a loop is left by break"),
                Map.entry("void h(int n) { switch (n) { case 1: while (n > 0) { break; } default: } }", "a loop is left by break"),
                Map.entry("int h(int n) { while (n > 0) { return 1; } return n; }", "return inside a loop"),
                Map.entry("void h(int n) { throw new RuntimeException(); }", "throw"),
                Map.entry("float h(float x) { return Math.fma(x, x, x); }", "a call of fma"),
                Map.entry("int h(float x) { return Float.floatToIntBits(x); }", "a call of floatToIntBits"),
                Map.entry("int h(int n) { return n == 0 ? 0 : k(n); } int k(int n) { return h(n - 1); }", "recursion"),
                Map.entry("float h(float[] x) { return x[0]; }", "an array is passed to a method"),
                Map.entry("void h(int n) { boolean b = n > 0; }", "a boolean variable"),
                Map.entry("float h(int n) { return 0f / 0f; }", "a constant NaN"),
                Map.entry("int h(int n) { int s = 0; switch (n) { case 1: s = 2; break; case 3: s = 4; break; default: } return s; }", "a switch with gaps"),
                Map.entry("void h(int n) { float[] f = c.mmaFragment(0f); for (;;) { if (n > 0) { f = c.mmaFragment(0f); } f = c.mma(a, b, f, S); } }",
                        "a fragment that goes from one loop or condition into another"),
                Map.entry("void h(int n) { float[] f = c.mmaFragment(0f); for (;;) { for (;;) { f = c.mma(a, b, f, S); } } }",
                        "a fragment that goes from one loop or condition into another"),
                Map.entry("void h(int n) { for (;;) { continue; } }", "continue"));
        assertEquals(List.of(), breaches("Good.java", "class Good { static void h(int n) { for (;;) { float[] f = c.mmaFragment(0f); for (;;) { f = c.mma(a, b, f, S); } } } }"));
        for (Map.Entry<String, String> e : bad.entrySet()) {
            List<String> found = breaches("Bad.java", "class Bad { static " + e.getKey() + " }");
            assertTrue(found.stream().anyMatch(f -> f.endsWith(": " + e.getValue())), e.getKey() + " gave " + found);
        }
        assertEquals(List.of(), breaches("Good.java", "class Good { static int h(int n) { int s = 0; for (int i = 0; i < n; i++) { switch (i) { case 1: s = 2; break;"
                + " default: break; } } return s; } }"));
    }

    @Test
    void theJvmIsToldNotToHideFailedCompilations() throws IOException {
        Path options = Path.of(System.getProperty("mouselift.root"), "conf/device.options");
        assertTrue(Files.readAllLines(options).contains("-Dtornado.recover.bailout=False"), "a kernel that does not compile would run as Java");
    }
}
