package org.mouselift.models.diffusion;

import java.util.ArrayList;
import java.util.List;
import org.mouselift.engine.EngineException;

/**
 * Learning-rate schedules of diffusion training by their names (multi-view diffusion specification §4.6). The step counts optimiser
 * updates from 0.
 *
 * @param kind rule
 * @param base rate at factor 1
 * @param warmup updates of linear warm-up, where the rule has one
 * @param total planned updates
 * @param cycles of cosine_with_restarts
 * @param power of polynomial
 * @param rules of piecewise_constant; the last factor has no end
 */
public record LearningRate(Kind kind, double base, long warmup, long total, int cycles, double power, List<Piece> rules) {
    private static final double POLYNOMIAL_END = 1e-7;

    /** Names as in configuration files, lower case. */
    public enum Kind { CONSTANT, CONSTANT_WITH_WARMUP, LINEAR, COSINE, COSINE_WITH_RESTARTS, POLYNOMIAL, PIECEWISE_CONSTANT }

    /** A factor that holds before a step. */
    public record Piece(double factor, long until) {}

    public LearningRate {
        rules = List.copyOf(rules);
        if (!(base >= 0) || warmup < 0 || total < 0 || cycles < 1) {
            throw new EngineException("learning_rate " + base + ", lr_warmup_steps " + warmup + ", max_train_steps " + total + ", cycles " + cycles
                    + ": must not be negative");
        }
        if (kind == Kind.PIECEWISE_CONSTANT && rules.isEmpty()) {
            throw new EngineException("lr_scheduler piecewise_constant needs step_rules such as \"1:10000,0.5\"");
        }
    }

    /** The schedule of a name. */
    public static LearningRate of(String name, double base, long warmup, long total, int cycles, double power, String stepRules) {
        for (Kind kind : Kind.values()) {
            if (kind.name().toLowerCase(java.util.Locale.ROOT).equals(name)) {
                return new LearningRate(kind, base, warmup, total, cycles, power, kind == Kind.PIECEWISE_CONSTANT ? pieces(stepRules) : List.of());
            }
        }
        throw new EngineException("lr_scheduler is '" + name + "', expected constant, constant_with_warmup, linear, cosine, cosine_with_restarts, polynomial"
                + " or piecewise_constant");
    }

    /** {@code factor:untilStep,…,lastFactor}. */
    private static List<Piece> pieces(String text) {
        List<Piece> out = new ArrayList<>();
        String[] parts = text == null ? new String[0] : text.split(",", -1);
        try {
            for (int i = 0; i < parts.length; i++) {
                String[] pair = parts[i].split(":", -1);
                if (pair.length != (i < parts.length - 1 ? 2 : 1)) {
                    throw new NumberFormatException(parts[i]);
                }
                out.add(new Piece(Double.parseDouble(pair[0].strip()), pair.length == 2 ? Long.parseLong(pair[1].strip()) : Long.MAX_VALUE));
            }
        } catch (NumberFormatException e) {
            throw new EngineException("step_rules \"" + text + "\": expected factor:untilStep,…,lastFactor, for example \"1:10000,0.5\"");
        }
        return out;
    }

    /** Rate of update s. */
    public double rate(long s) {
        boolean warm = kind != Kind.CONSTANT && kind != Kind.PIECEWISE_CONSTANT && s < warmup;
        if (warm) {
            return base * s / Math.max(1, warmup);
        }
        double progress = (s - warmup) / (double) Math.max(1, total - warmup);
        return switch (kind) {
            case CONSTANT, CONSTANT_WITH_WARMUP -> base;
            case LINEAR -> base * Math.max(0, (total - s) / (double) Math.max(1, total - warmup));
            case COSINE -> base * Math.max(0, 0.5 * (1 + Math.cos(Math.PI * progress)));
            case COSINE_WITH_RESTARTS -> progress >= 1 ? 0 : base * Math.max(0, 0.5 * (1 + Math.cos(Math.PI * (cycles * progress % 1))));
            case POLYNOMIAL -> s > total ? POLYNOMIAL_END
                    : (base - POLYNOMIAL_END) * Math.pow(1 - (s - warmup) / (double) (total - warmup), power) + POLYNOMIAL_END;
            case PIECEWISE_CONSTANT -> base * rules.stream().filter(r -> r.until > s).min(java.util.Comparator.comparingLong(Piece::until)).orElseThrow().factor();
        };
    }
}
