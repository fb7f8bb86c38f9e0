package org.mouselift.models.losses;

import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Tensor;

/**
 * The reconstruction loss of one step. Names are those of the original's log.
 *
 * @param total what is differentiated, rank 0
 * @param terms the terms before weighting, rank 0: {@code l2_loss}, {@code lpips_loss}, {@code perceptual_loss},
 *     {@code ssim_loss}, {@code pixelalign_loss}, {@code pointsdist_loss}, {@code background_loss}
 * @param diagnostics {@code psnr}, {@code mask_iou} (with a mask), {@code gt_min} …, rank 0, without gradient
 */
public record LossReport(Tensor total, Map<String, Tensor> terms, Map<String, Tensor> diagnostics) {
    /** Smallest L2 that {@code psnr} and the normalised losses divide by. */
    static final double L2_FLOOR = 1e-8;

    public LossReport {
        terms = Collections.unmodifiableMap(new LinkedHashMap<>(terms));
        diagnostics = Collections.unmodifiableMap(new LinkedHashMap<>(diagnostics));
    }

    /** A value by its log name; {@code loss} is the total. */
    public Tensor value(String name) {
        Tensor t = name.equals("loss") ? total : terms.containsKey(name) ? terms.get(name) : diagnostics.get(name);
        if (t == null) {
            throw new EngineException("the loss report has no '" + name + "'; it has loss, " + terms.keySet() + " and " + diagnostics.keySet());
        }
        return t;
    }

    /** Every value by its log name: {@code loss} first, then terms and diagnostics. */
    public Map<String, Tensor> values() {
        Map<String, Tensor> out = new LinkedHashMap<>();
        out.put("loss", total);
        out.putAll(terms);
        out.putAll(diagnostics);
        return out;
    }

    /** Reads every value, with {@code loss} first and {@code norm_<term>} = term / max(L2, 1e-8) last (§3.9). */
    public Map<String, Double> numbers() {
        return numbers(values(), terms.keySet());
    }

    /**
     * As {@link #numbers()}, from {@link #values} that were computed elsewhere.
     *
     * @param values others than those of a report are read as well
     */
    public static Map<String, Double> numbers(Map<String, Tensor> values) {
        return numbers(values, values.keySet().stream().filter(name -> name.endsWith("_loss")).toList());
    }

    private static Map<String, Double> numbers(Map<String, Tensor> values, Collection<String> terms) {
        Map<String, Double> out = new LinkedHashMap<>();
        values.forEach((name, t) -> out.put(name, t.item()));
        double l2 = Math.max(out.get("l2_loss"), L2_FLOOR);
        terms.forEach(name -> {
            if (!name.equals("l2_loss")) {
                out.put("norm_" + name, out.get(name) / l2);
            }
        });
        return out;
    }
}
