package org.mouselift.pipeline.multiview;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.mouselift.data.checkpoint.Provenance;
import org.mouselift.data.preprocess.MaskStatistics;

/**
 * How large and where in the picture the subject was in the pictures that a stage 1 training took as input (mouse specification
 * §3.12, K-64): part of the {@link Provenance} of what the training writes, for a photo to be compared with.
 *
 * @param pictures how many were measured, at least 1
 * @param size sqrt(pixels of the subject / all pixels), 0 to 1
 * @param offset distance of the centre of mass from the picture's centre, as a share of the side
 */
public record ExpectedSubject(int pictures, Spread size, Spread offset) {
    /** Code of the check. */
    public static final String CODE = "MFL-E133";
    /** Share of the expected size by which a photo may deviate. */
    public static final double TOLERANCE = 0.2;
    private static final String SIZE = "expected_size_ratio";
    private static final String OFFSET = "expected_center_offset";
    private static final String PICTURES = "pictures";

    /** Mean and standard deviation. */
    public record Spread(double mean, double std) {
        private static Spread of(double[] x) {
            double mean = java.util.Arrays.stream(x).average().orElseThrow();
            return new Spread(mean, Math.sqrt(java.util.Arrays.stream(x).map(v -> (v - mean) * (v - mean)).average().orElseThrow()));
        }
    }

    /** Of the subjects of square pictures; empty if there are none. */
    public static Optional<ExpectedSubject> of(List<MaskStatistics> subjects) {
        List<MaskStatistics> seen = subjects.stream().filter(m -> !m.isEmpty()).toList();
        return seen.isEmpty() ? Optional.empty() : Optional.of(new ExpectedSubject(seen.size(), Spread.of(seen.stream().mapToDouble(MaskStatistics::sizeRatio).toArray()),
                Spread.of(seen.stream().mapToDouble(ExpectedSubject::offset).toArray())));
    }

    private static double offset(MaskStatistics subject) {
        return subject.comOffset() / subject.width();
    }

    /** What a record says; empty for one of a training that did not measure it. */
    public static Optional<ExpectedSubject> of(Provenance record) {
        JsonNode size = record.keys().path(SIZE);
        JsonNode offset = record.keys().path(OFFSET);
        double mean = size.path("mean").asDouble(Double.NaN);
        return mean > 0 && mean <= 1 ? Optional.of(new ExpectedSubject(size.path(PICTURES).asInt(1), new Spread(mean, size.path("std").asDouble(0)),
                new Spread(offset.path("mean").asDouble(0), offset.path("std").asDouble(0)))) : Optional.empty();
    }

    /** The keys of a record. */
    public ObjectNode keys() {
        ObjectNode keys = JsonNodeFactory.instance.objectNode();
        keys.putObject(SIZE).put("mean", size.mean).put("std", size.std).put(PICTURES, pictures);
        keys.putObject(OFFSET).put("mean", offset.mean).put("std", offset.std);
        return keys;
    }

    /**
     * What is to be said of a photo whose subject is more than 20 % larger or smaller than those of the training, or whose centre of
     * mass lies further from the picture's centre than theirs by more than 20 % of their size; empty if neither.
     */
    public Optional<String> warning(MaskStatistics subject) {
        double ratio = subject.sizeRatio() / size.mean;
        boolean sized = Math.abs(ratio - 1) <= TOLERANCE;
        boolean centred = offset(subject) - offset.mean <= TOLERANCE * size.mean;
        if (sized && centred) {
            return Optional.empty();
        }
        StringBuilder said = new StringBuilder(CODE).append(": the subject");
        if (!sized) {
            said.append(String.format(Locale.ROOT, " takes %.2f of the picture (root of its share of the pixels), in the training %.2f ± %.2f: %.0f %% %s, at most 20 %% is expected",
                    subject.sizeRatio(), size.mean, size.std, 100 * Math.abs(ratio - 1), ratio > 1 ? "larger" : "smaller"));
        }
        if (!centred) {
            said.append(String.format(Locale.ROOT, "%s lies %.2f of the side from the centre, in the training %.2f ± %.2f", sized ? "" : "; it", offset(subject), offset.mean, offset.std));
        }
        return Optional.of(said.append("; views of it may be wrong: frame the photo like the pictures of the training (see --auto-crop)").toString());
    }
}
