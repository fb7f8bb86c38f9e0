package org.mouselift.engine.nn;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.mouselift.engine.Eager;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Executor;
import org.mouselift.engine.ModulePath;
import org.mouselift.engine.Tensor;

/**
 * A part of a model with named parameters and children. Names form the path of the original state dict
 * ({@code transformer_layers.3.attn.to_qkv.weight}); a child's name may contain dots ({@code patch_embedder.1}).
 *
 * <p>Subclasses register their parts in the constructor in state-dict order and implement {@link #forward}; callers use
 * {@link #call}, which keeps the path for messages and runs hooks.
 */
public abstract class Module {
    private final Map<String, Object> members = new LinkedHashMap<>();
    private Module parent;
    private String name = "";
    private Map<String, List<Hook>> hooks;
    private Placement placement;

    /** Registers a child under a name and returns it. */
    protected final <M extends Module> M child(String childName, M module) {
        register(childName, module);
        Module m = module;
        if (m.parent != null) {
            throw new EngineException("module '" + childName + "' already belongs to '" + m.parent.path() + "'");
        }
        m.parent = this;
        m.name = childName;
        return module;
    }

    /** Registers a parameter (or buffer) under a name and returns it. */
    protected final Tensor parameter(String parameterName, Tensor value) {
        register(parameterName, value);
        return value;
    }

    private void register(String memberName, Object member) {
        if (members.putIfAbsent(memberName, member) != null) {
            throw new EngineException("module '" + path() + "' has two members named '" + memberName + "'");
        }
    }

    /** Path from the root module, empty for the root. */
    public final String path() {
        if (parent == null) {
            return name;
        }
        String above = parent.path();
        return above.isEmpty() ? name : above + "." + name;
    }

    /** The computation. Use {@link #call} from outside. */
    protected abstract Tensor forward(Tensor... inputs);

    /** Runs the module: path for messages, then the computation, then the hooks on this module. */
    public final Tensor call(Tensor... inputs) {
        Placement elsewhere = Executor.current() == Eager.INSTANCE ? placement() : null;
        if (elsewhere != null && elsewhere.takes(this)) {
            return elsewhere.call(this, inputs);
        }
        return compute(inputs);
    }

    /** As {@link #call}, by whatever executor this thread has. */
    final Tensor compute(Tensor... inputs) {
        String before = ModulePath.enter(path());
        try {
            Tensor out = forward(inputs);
            return hooks == null ? out : fire("", List.of(inputs), out);
        } finally {
            ModulePath.enter(before);
        }
    }

    /**
     * Lets calls of this module and its children run somewhere else, as compiled programs; null brings them back. Calls inside
     * a trace become part of it; calls under a tape are errors, because gradients exist elsewhere only inside of a traced program
     * ({@link PlacedFunction}), unless the device was opened with leave to compute on the CPU.
     */
    public final void place(Placement where) {
        placement = where;
    }

    private Placement placement() {
        for (Module m = this; m != null; m = m.parent) {
            if (m.placement != null) {
                return m.placement;
            }
        }
        return Placement.current();
    }

    /** Names an intermediate result inside {@link #forward} so that hooks can reach it at {@code path().tapName}. */
    protected final Tensor tap(String tapName, Tensor value) {
        return hooks == null ? value : fire(tapName, List.of(), value);
    }

    /** True if somebody listens at a tap: lets a module skip work that only a hook would see. */
    protected final boolean tapped(String tapName) {
        return hooks != null && hooks.containsKey(tapName);
    }

    /** Names of the taps of this module, for {@link #hook} and listings. */
    public List<String> taps() {
        return List.of();
    }

    private Tensor fire(String tapName, List<Tensor> inputs, Tensor value) {
        List<Hook> list = hooks.get(tapName);
        if (list == null) {
            return value;
        }
        String at = tapName.isEmpty() ? path() : path().isEmpty() ? tapName : path() + "." + tapName;
        if (Placement.observes(this, tapName, at, inputs, value)) {
            return value;
        }
        return notify(list, at, inputs, value);
    }

    /** What hooks at a tap make of a value that was computed elsewhere. */
    final Tensor notify(String tapName, String at, List<Tensor> inputs, Tensor value) {
        List<Hook> list = hooks == null ? null : hooks.get(tapName);
        return list == null ? value : notify(list, at, inputs, value);
    }

    /** True if somebody listens to this module or one below it. */
    public final boolean isListenedTo() {
        return !listenedTo().isEmpty();
    }

    /** Everything below this module that somebody listens to. */
    final List<String> listenedTo() {
        List<String> out = new ArrayList<>();
        modules().forEach((path, m) -> {
            if (m.hooks != null) {
                m.hooks.keySet().forEach(tapName -> out.add(path + "/" + tapName));
            }
        });
        return out;
    }

    private static Tensor notify(List<Hook> list, String at, List<Tensor> inputs, Tensor value) {
        Tensor v = value;
        for (Hook h : List.copyOf(list)) {
            Tensor r = h.on(at, inputs, v);
            if (r == null) {
                throw new EngineException("hook at '" + at + "' returned null: return the output to leave it unchanged");
            }
            if (!r.spec().equals(v.spec())) {
                throw new EngineException("hook at '" + at + "' returned " + r.spec() + " in place of " + v.spec());
            }
            v = r;
        }
        return v;
    }

    /**
     * Attaches a hook to a module or tap of this tree.
     *
     * @param path relative to this module, e.g. {@code transformer_layers.3.attn}; empty for this module itself
     */
    public final Hook.Handle hook(String path, Hook hook) {
        Map<String, Module> modules = modules();
        Module target = modules.get(path);
        String tapName = "";
        if (target == null) {
            for (Map.Entry<String, Module> e : modules.entrySet()) {
                for (String t : e.getValue().taps()) {
                    if (path.equals(e.getKey().isEmpty() ? t : e.getKey() + "." + t)) {
                        target = e.getValue();
                        tapName = t;
                    }
                }
            }
        }
        if (target == null) {
            throw new EngineException("hook: no module or tap '" + path + "'; nearest: " + NearestNames.of(path, hookPoints(), 5));
        }
        Module m = target;
        String key = tapName;
        if (m.hooks == null) {
            m.hooks = new LinkedHashMap<>();
        }
        m.hooks.computeIfAbsent(key, k -> new ArrayList<>()).add(hook);
        return () -> m.unhook(key, hook);
    }

    private void unhook(String key, Hook hook) {
        if (hooks == null || !hooks.containsKey(key)) {
            return;
        }
        hooks.get(key).remove(hook);
        if (hooks.get(key).isEmpty()) {
            hooks.remove(key);
        }
        if (hooks.isEmpty()) {
            hooks = null;
        }
    }

    /** Every place a hook can be attached to, relative to this module. */
    public final TreeSet<String> hookPoints() {
        TreeSet<String> out = new TreeSet<>();
        modules().forEach((path, m) -> {
            out.add(path);
            for (String t : m.taps()) {
                out.add(path.isEmpty() ? t : path + "." + t);
            }
        });
        return out;
    }

    /** This module and everything below it by relative path, parents first. */
    public final Map<String, Module> modules() {
        Map<String, Module> out = new LinkedHashMap<>();
        collectModules("", out);
        return out;
    }

    private void collectModules(String prefix, Map<String, Module> out) {
        out.put(prefix, this);
        members.forEach((n, m) -> {
            if (m instanceof Module child) {
                child.collectModules(prefix.isEmpty() ? n : prefix + "." + n, out);
            }
        });
    }

    /** All parameters by state-dict name relative to this module, in registration order. */
    public final Map<String, Tensor> stateDict() {
        Map<String, Tensor> out = new LinkedHashMap<>();
        collect("", out);
        return out;
    }

    private void collect(String prefix, Map<String, Tensor> out) {
        members.forEach((n, m) -> {
            String key = prefix.isEmpty() ? n : prefix + "." + n;
            if (m instanceof Module child) {
                child.collect(key, out);
            } else {
                out.put(key, (Tensor) m);
            }
        });
    }

    /** The parameters that require a gradient, in state-dict order. */
    public final List<Tensor> trainable() {
        return stateDict().values().stream().filter(Tensor::requiresGrad).toList();
    }
}
