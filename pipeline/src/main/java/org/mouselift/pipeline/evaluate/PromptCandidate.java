package org.mouselift.pipeline.evaluate;

import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.PoseEncoding;
import org.mouselift.data.prompts.PromptMetadata;
import org.mouselift.pipeline.prompts.PromptEmbeddings;

/**
 * One way to tell a network its views: a network with the prompts it gets.
 *
 * @param name in the report
 * @param pipeline folder
 * @param unetSha256 of the weights
 * @param prompts file
 * @param promptsSha256 of the prompts' numbers
 * @param told what the prompts say the directions with
 * @param cameras the network is told its cameras besides
 * @param origin where the prompts' numbers come from
 * @param sentences empty if there are none
 * @param cosines of every two slots
 * @param angleCorrelation rank correlation of the distance of two slots' embeddings with the angle between their cameras; null where it is not defined
 */
public record PromptCandidate(String name, String pipeline, String unetSha256, String prompts, String promptsSha256, Told told, boolean cameras, String origin,
        List<String> sentences, double[][] cosines, Double angleCorrelation) {
    private static final Pattern NUMBER = Pattern.compile("\\d+ degrees");
    /** Width of the smallest text tower that OpenAI published (ViT-B/32). */
    private static final int SMALLEST_TOWER = 512;

    /** What prompts say directions with. */
    public enum Told {
        /** Sentences without degrees. */
        WORDS("words"),
        /** Sentences with degrees. */
        NUMBERS("numbers"),
        /** Vectors that a training learnt. */
        LEARNT("learnt vectors"),
        /** No metadata, or none that says. */
        UNKNOWN("something that is not recorded");

        private final String text;

        Told(String text) {
            this.text = text;
        }

        /** For people. */
        public String text() {
            return text;
        }
    }

    /** Of a network and its prompts. */
    public static PromptCandidate of(String name, Path pipeline, String unetSha256, PromptEmbeddings p, boolean cameras, CameraRig rig) {
        int n = p.rows();
        double[][] cosines = new double[n][n];
        double[][] distances = new double[n][n];
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                cosines[i][j] = p.cosine(i, j);
                distances[i][j] = Math.sqrt(Math.max(0, p.norm(i) * p.norm(i) + p.norm(j) * p.norm(j) - 2 * cosines[i][j] * p.norm(i) * p.norm(j)));
            }
        }
        double correlation = n < 3 ? Double.NaN : PoseEncoding.rankCorrelation(PoseEncoding.angles(rig), distances);
        List<String> sentences = p.metadata().map(PromptMetadata::colour).orElse(List.of());
        return new PromptCandidate(name, pipeline.toString(), unetSha256, p.file().toString(), p.valuesSha256(), told(p.metadata(), sentences), cameras, origin(p), sentences, cosines,
                Double.isFinite(correlation) ? correlation : null);
    }

    /**
     * The control: a network of which every slot but the photo's is told what the next one should be.
     *
     * @param shifted {@link PromptEmbeddings#shifted} of the prompts of {@code base}
     */
    public static PromptCandidate control(String name, PromptCandidate base, PromptEmbeddings shifted, CameraRig rig) {
        PromptCandidate own = of(name, Path.of(base.pipeline), base.unetSha256, shifted, base.cameras, rig);
        List<String> sentences = base.sentences.isEmpty() ? List.of() : IntStream.range(0, base.sentences.size()).mapToObj(i -> base.sentences.get(PromptEmbeddings.next(i, base.sentences.size()))).toList();
        return new PromptCandidate(name, base.pipeline, base.unetSha256, base.prompts, own.promptsSha256, base.told, base.cameras,
                "the prompts of " + base.name + ", every slot but the photo's with those of the next one", sentences, own.cosines, own.angleCorrelation);
    }

    private static Told told(Optional<PromptMetadata> metadata, List<String> sentences) {
        if (metadata.map(PromptMetadata::learned).orElse(false)) {
            return Told.LEARNT;
        }
        return sentences.isEmpty() ? Told.UNKNOWN : sentences.stream().allMatch(s -> NUMBER.matcher(s).find()) ? Told.NUMBERS : Told.WORDS;
    }

    private static String origin(PromptEmbeddings p) {
        if (p.metadata().isEmpty()) {
            return "not known: " + p.metadataFrom();
        }
        PromptMetadata m = p.metadata().get();
        if (m.learned()) {
            return "learnt with the network, without sentences and without a text encoder";
        }
        long width = p.shape()[2];
        String encoder = m.model().isEmpty() ? "a text encoder that is not recorded" : "text encoder " + m.model();
        return String.format(Locale.ROOT, "style %s, %s of width %d%s", m.template().isEmpty() ? "not recorded" : m.template(), encoder, width, width >= SMALLEST_TOWER ? ""
                : "; no published CLIP text tower is that narrow (the smallest: " + SMALLEST_TOWER + "), so take it for one that was never trained on texts: its numbers tell the "
                        + "slots apart, and nothing of what the words mean is in them");
    }
}
