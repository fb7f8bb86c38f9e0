package org.mouselift.pipeline.prompts;

import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.mouselift.data.camera.Azimuth;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.DirectionCheck;
import org.mouselift.data.camera.Intrinsics;
import org.mouselift.data.camera.RigCheck;
import org.mouselift.data.camera.Rings;
import org.mouselift.data.checkpoint.ArtefactStatus;
import org.mouselift.data.prompts.PromptMetadata;
import org.mouselift.data.prompts.PromptSlot;
import org.mouselift.models.unet.UNetConfig;

/**
 * Whether prompt embeddings belong to a UNet, a number of views and cameras: the fail-fast checks MFL-E103 to E127 (mouse
 * specification §5.6), made before weights are loaded. Embeddings used in training = embeddings used in inference = directions
 * of the cameras. Say what there is to compare with, then {@link #run} or {@link #require}.
 */
public final class PromptCheck {
    /** Checks that {@code --allow} can turn into warnings; the others have no way around them. */
    public static final List<String> ALLOWABLE = List.of("MFL-E106", "MFL-E107", "MFL-E108", "MFL-E109", "MFL-E120", "MFL-E121", "MFL-E122", "MFL-E123", "MFL-E124");
    private static final float SAME = 1e-4f;
    /** Width of the text features of Stable Diffusion 2.1, which the original's UNet reads. */
    private static final int ORIGINAL_WIDTH = 1024;

    /** What a check came to. */
    public enum Outcome { PASSED, FAILED, NOTICE, NOT_CHECKED }

    /** One check; a failure's message ends with the remedy. */
    public record Finding(String code, Outcome outcome, String message) {}

    private final PromptEmbeddings prompts;
    private final List<Finding> findings = new ArrayList<>();
    private UNetConfig unet;
    private String unetName = "";
    private OptionalInt views = OptionalInt.empty();
    private String viewsName = "";
    private CameraRig cameras;
    private boolean posed;
    private boolean ofPipeline;
    private Optional<TrainedPrompts> trained = Optional.empty();

    private PromptCheck(PromptEmbeddings prompts) {
        this.prompts = prompts;
    }

    /** Checks of a set. */
    public static PromptCheck of(PromptEmbeddings prompts) {
        return new PromptCheck(prompts);
    }

    /** The UNet that will read them, and what its training left on record. */
    public PromptCheck unet(UNetConfig config, String name, Optional<TrainedPrompts> record) {
        this.unet = config;
        this.unetName = name;
        this.trained = record;
        return this;
    }

    /** The number of views of a run; {@code name} says where it was set. */
    public PromptCheck views(int n, String name) {
        this.views = OptionalInt.of(n);
        this.viewsName = name;
        return this;
    }

    /** The cameras of the second stage, in slot order. */
    public PromptCheck cameras(CameraRig rig) {
        this.cameras = rig;
        return this;
    }

    /** The views will be posed, and nobody has said by which cameras: then the prompts or the UNet must (MFL-E120). */
    public PromptCheck posedByRecord() {
        this.posed = true;
        return this;
    }

    /** The set lies in the folder of the pipeline that reads it: that nobody described it is only worth a warning. */
    public PromptCheck ofPipeline() {
        this.ofPipeline = true;
        return this;
    }

    /** Where the views stand: by the record of the UNet's training, else by the prompts' own metadata; empty if neither says. */
    public List<PromptSlot> directions() {
        List<PromptSlot> recorded = trained.map(TrainedPrompts::slots).orElse(List.of());
        return !recorded.isEmpty() ? recorded : prompts.metadata().map(PromptMetadata::slots).orElse(List.of());
    }

    /** Name of the rig of {@link #directions}; empty if not known. */
    public String rig() {
        boolean recorded = trained.isPresent() && !trained.get().slots().isEmpty();
        return recorded ? trained.get().rig() : prompts.metadata().map(PromptMetadata::rig).orElse("");
    }

    /** Makes all checks. */
    public List<Finding> run() {
        findings.clear();
        passed("MFL-E101", "found");
        passed("MFL-E102", prompts.describe() + ", SHA-256 of the tensor " + prompts.tensorSha256());
        tokens();
        width();
        rows();
        metadata();
        counts();
        cameras();
        training();
        return List.copyOf(findings);
    }

    /**
     * Makes all checks and fails unless they hold or are allowed.
     *
     * @param allowed codes whose failure is a warning
     * @param note receives warnings, notices and the line of what was checked
     * @throws PromptException with the messages of all checks that failed
     * @throws IOException if the file was declared unusable
     */
    public void require(Set<String> allowed, Consumer<String> note) throws IOException {
        ArtefactStatus.requireUsable(prompts.file());
        List<Finding> failed = new ArrayList<>();
        for (Finding f : run()) {
            if (f.outcome == Outcome.FAILED && !allowed.contains(f.code)) {
                failed.add(f);
            } else if (f.outcome == Outcome.FAILED || f.outcome == Outcome.NOTICE) {
                note.accept("warning: " + f.message);
            }
        }
        if (!failed.isEmpty()) {
            throw new PromptException(failed.getFirst().code, failed.stream().map(Finding::message).collect(Collectors.joining("\n")));
        }
        note.accept("prompts " + prompts.file() + " " + prompts.describe() + ": " + summary(findings));
    }

    /** "checked E101 E102 …, not checked E124". */
    static String summary(List<Finding> findings) {
        List<String> done = findings.stream().filter(f -> f.outcome == Outcome.PASSED).map(f -> f.code.replace("MFL-", "")).toList();
        List<String> open = findings.stream().filter(f -> f.outcome == Outcome.NOT_CHECKED).map(f -> f.code.replace("MFL-", "")).toList();
        return "checks passed " + String.join(" ", done) + (open.isEmpty() ? "" : "; nothing to compare with for " + String.join(" ", open));
    }

    private void passed(String code, String what) {
        findings.add(new Finding(code, Outcome.PASSED, code + ": " + what));
    }

    private void failed(String code, String message) {
        findings.add(new Finding(code, Outcome.FAILED, code + ": " + message));
    }

    private void open(String code, String why) {
        findings.add(new Finding(code, Outcome.NOT_CHECKED, code + ": " + why));
    }

    private void tokens() {
        long tokens = prompts.shape()[1];
        boolean learned = prompts.metadata().map(PromptMetadata::learned).orElse(false);
        boolean unknown = prompts.metadata().isEmpty() && ofPipeline;
        if (tokens == TextEncoder.TOKENS || tokens < TextEncoder.TOKENS && learned) {
            passed("MFL-E103", tokens + " tokens" + (learned ? ", learnt" : ""));
        } else if (tokens < TextEncoder.TOKENS && unknown) {
            findings.add(new Finding("MFL-E103", Outcome.NOTICE, "MFL-E103: " + prompts.file() + ": " + tokens + " tokens, which only learnt embeddings have"));
        } else {
            failed("MFL-E103", prompts.file() + ": prompt tensor has shape " + prompts.describe() + "; expected [slots, 77, " + (unet == null ? prompts.shape()[2]
                    : unet.crossAttentionDim()) + "]. Fewer tokens are for learnt embeddings, whose metadata says so; make a set with mouselift prompts make");
        }
    }

    private void width() {
        long width = prompts.shape()[2];
        long expected = unet == null ? ORIGINAL_WIDTH : unet.crossAttentionDim();
        if (unet == null && prompts.metadata().map(PromptMetadata::learned).orElse(false)) {
            open("MFL-E104", "no UNet to compare the width " + width + " of learnt embeddings with");
        } else if (width != expected) {
            String model = prompts.metadata().map(PromptMetadata::model).filter(m -> !m.isEmpty()).orElse("not recorded");
            failed("MFL-E104", prompts.file() + ": prompt embeddings are " + width + "-wide but the UNet " + (unet == null ? "of the original " : "") + "expects " + expected
                    + ". The file was probably made with another text encoder (" + model + "). Regenerate with the encoder of the UNet's pipeline: mouselift prompts make"
                    + " --text-encoder DIR");
        } else {
            passed("MFL-E104", width + " wide, as the UNet " + (unet == null ? "of the original " : "") + "expects");
        }
    }

    private void rows() {
        int n = prompts.rows();
        int row = prompts.values().length / n;
        int before = findings.size();
        for (int i = 0; i < n; i++) {
            boolean zero = true;
            boolean finite = true;
            for (int k = i * row; k < (i + 1) * row; k++) {
                zero &= prompts.values()[k] == 0;
                finite &= Float.isFinite(prompts.values()[k]);
            }
            if (zero || !finite) {
                failed("MFL-E105", prompts.file() + ": prompt row " + i + (finite ? " is all zero" : " contains non-finite values")
                        + ". The file is damaged or was never filled; make it again");
            }
        }
        if (findings.size() == before) {
            passed("MFL-E105", n + " rows of finite numbers, none zero");
        }
        before = findings.size();
        double closest = -1;
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < i; j++) {
                float largest = 0;
                for (int k = 0; k < row; k++) {
                    largest = Math.max(largest, Math.abs(prompts.values()[i * row + k] - prompts.values()[j * row + k]));
                }
                closest = Math.max(closest, prompts.cosine(i, j));
                if (largest < SAME) {
                    failed("MFL-E106", prompts.file() + ": slots " + j + " and " + i + " have the same prompt; they would generate the same view. Make the set again with"
                            + " one direction per slot");
                }
            }
        }
        if (findings.size() == before) {
            passed("MFL-E106", String.format(Locale.ROOT, "all rows differ; largest cosine of two %.4f", closest));
        }
    }

    private void metadata() {
        if (prompts.metadata().isEmpty()) {
            String message = "MFL-E107: " + prompts.metadataFrom() + ": direction, elevation and encoder unknown. Create it with mouselift prompts show " + prompts.file()
                    + " --write-metadata --rig RIG";
            findings.add(new Finding("MFL-E107", ofPipeline ? Outcome.NOTICE : Outcome.FAILED, message));
            open("MFL-E108", "no metadata");
        } else {
            PromptMetadata m = prompts.metadata().get();
            passed("MFL-E107", "metadata: " + prompts.metadataFrom());
            String stated = prompts.kind() == PromptEmbeddings.Kind.NORMAL ? m.normalSha256() : m.colourSha256();
            List<Long> shape = java.util.Arrays.stream(prompts.shape()).boxed().toList();
            if (!stated.isEmpty() && !stated.equals(prompts.tensorSha256())) {
                failed("MFL-E108", prompts.file() + ": prompt tensor does not match its metadata (hash " + prompts.tensorSha256() + " vs " + stated + "; "
                        + prompts.metadataFrom() + "). One of the two was replaced; make both again");
            } else if (!m.shape().isEmpty() && !m.shape().equals(shape)) {
                failed("MFL-E108", prompts.file() + ": prompt tensor does not match its metadata (shape " + shape + " vs " + m.shape() + "; " + prompts.metadataFrom()
                        + "). One of the two was replaced; make both again");
            } else if (stated.isEmpty()) {
                open("MFL-E108", "the metadata states no hash of the tensor");
            } else {
                passed("MFL-E108", "the tensor is the one its metadata was written for");
            }
        }
        List<String> sentences = prompts.metadata().map(PromptMetadata::colour).orElse(List.of());
        if (prompts.kind() == PromptEmbeddings.Kind.NORMAL || sentences.stream().anyMatch(s -> s.strip().endsWith("normal map."))) {
            failed("MFL-E109", prompts.file() + " holds normal-map prompts; colour prompts are required here. Name the file with clr_embeds");
        } else {
            passed("MFL-E109", "colour prompts");
        }
    }

    private void counts() {
        int rows = prompts.rows();
        if (views.isPresent() && rows != views.getAsInt()) {
            failed("MFL-E110", prompts.file() + ": prompt file has " + rows + " slots, " + viewsName + " is " + views.getAsInt() + ". For " + views.getAsInt()
                    + " views create new embeddings, data and a UNet with num_views=" + views.getAsInt());
        } else if (views.isEmpty() && unet != null && rows != unet.numViews()) {
            failed("MFL-E110", prompts.file() + ": prompt file has " + rows + " slots, num_views of the UNet is " + unet.numViews()
                    + ". Another number of views needs its own embeddings, data and UNet");
        } else if (views.isEmpty() && unet == null) {
            open("MFL-E110", "no number of views to compare the " + rows + " rows with");
        } else {
            passed("MFL-E110", rows + " rows for " + rows + " views");
        }
        if (unet == null || views.isEmpty()) {
            open("MFL-E111", "needs a UNet and a number of views");
        } else if (unet.numViews() != views.getAsInt()) {
            failed("MFL-E111", "UNet " + unetName + " was built for " + unet.numViews() + " views but " + viewsName + " is " + views.getAsInt()
                    + "; cross-view attention would group images of different samples. Set both to the number of views of the data");
        } else {
            passed("MFL-E111", "the UNet was built for " + unet.numViews() + " views");
        }
    }

    private void cameras() {
        List<PromptSlot> slots = directions();
        if (!slots.isEmpty()) {
            notice(slots);
        }
        if (cameras == null) {
            if (posed && (slots.isEmpty() || rig().isEmpty())) {
                failed("MFL-E120", "unknown camera rig of the views that " + (unetName.isEmpty() ? "the UNet" : unetName) + " draws: neither its provenance.json nor the metadata of "
                        + prompts.file() + (slots.isEmpty() ? " says where they stand" : " names their cameras, only the directions " + words(slots)) + ". Generated views cannot be posed. Declare the rig with --cameras (human6, human6_elevated, mouse6, a camera"
                        + " file, …)");
            } else if (slots.isEmpty()) {
                open("MFL-E120", "directions of the slots unknown");
            } else {
                passed("MFL-E120", "directions known from the " + source());
            }
            open("MFL-E114", "no cameras");
            List.of("MFL-E121", "MFL-E122", "MFL-E123", "MFL-E126", "MFL-E127").forEach(code -> open(code, "no cameras"));
            return;
        }
        if (cameras.size() != prompts.rows()) {
            failed("MFL-E114", cameras.size() + " cameras (" + cameras.id() + ") for " + prompts.rows() + " images. Supply one camera per slot");
        } else {
            passed("MFL-E114", cameras.size() + " cameras (" + cameras.id() + ") for " + prompts.rows() + " slots");
        }
        if (slots.isEmpty()) {
            passed("MFL-E120", "cameras were declared: " + cameras.id());
            List.of("MFL-E121", "MFL-E122", "MFL-E123").forEach(code -> open(code, "directions of the slots unknown"));
        } else {
            passed("MFL-E120", "directions known from the " + source());
            directions(slots);
        }
        Map<String, String> bad = new LinkedHashMap<>();
        for (RigCheck.Finding f : RigCheck.inspect(cameras, RigCheck.Limits.STANDARD)) {
            if (f.severity() == RigCheck.Severity.ERROR && !f.code().equals("MFL-E114")) {
                bad.merge(f.code(), f.message(), (a, b) -> a + "\n" + b);
            }
        }
        for (String code : List.of("MFL-E126", "MFL-E127")) {
            if (bad.containsKey(code)) {
                findings.add(new Finding(code, Outcome.FAILED, bad.get(code)));
            } else {
                passed(code, code.equals("MFL-E126") ? "the cameras look at the origin, none is mirrored" : "the world is Z-up");
            }
        }
    }

    private static String words(List<PromptSlot> slots) {
        return slots.stream().map(s -> String.format(Locale.ROOT, "%s (azimuth %.0f°, elevation %.0f°)", s.name(), s.azimuth(), s.elevation())).collect(Collectors.joining(", "));
    }

    private String source() {
        return trained.map(TrainedPrompts::slots).orElse(List.of()).isEmpty() ? "metadata of the prompts" : "record of the UNet's training";
    }

    private void directions(List<PromptSlot> slots) {
        if (slots.size() != cameras.size()) {
            List.of("MFL-E121", "MFL-E122", "MFL-E123").forEach(code -> open(code, slots.size() + " directions for " + cameras.size() + " cameras"));
            return;
        }
        String id = trained.map(TrainedPrompts::slots).orElse(List.of()).isEmpty()
                ? prompts.metadata().map(m -> (m.template().isEmpty() ? "" : m.template() + " ") + m.rig()).orElse("").strip() : trained.get().rig();
        String name = "prompt set '" + (id.isEmpty() ? prompts.file().getFileName() : id) + "'";
        Map<String, String> bad = new LinkedHashMap<>();
        DirectionCheck.compare(name, slots.stream().map(PromptSlot::direction).toList(), cameras).forEach(f -> bad.put(f.code(), f.message()));
        for (String code : List.of("MFL-E121", "MFL-E122", "MFL-E123")) {
            if (bad.containsKey(code)) {
                findings.add(new Finding(code, Outcome.FAILED, bad.get(code)));
            } else {
                passed(code, switch (code) {
                    case "MFL-E121" -> "elevations of " + name + " and " + cameras.id() + " agree";
                    case "MFL-E122" -> "azimuths agree after a common turn";
                    default -> "the cameras run the same way round";
                });
            }
        }
    }

    /** Words that the training gave another meaning are labels only (mouse specification §5.6, precedence of direction information). */
    private void notice(List<PromptSlot> slots) {
        List<PromptSlot> words = prompts.metadata().map(PromptMetadata::slots).orElse(List.of());
        if (words.size() == slots.size() && !words.equals(slots) && !DirectionCheck.compare("the words", words.stream().map(PromptSlot::direction).toList(), rig(slots)).isEmpty()) {
            findings.add(new Finding("MFL-E122", Outcome.NOTICE, "the words of " + prompts.file() + " describe other directions than the views of the training have; they are labels"
                    + " only, and the cameras of the training count"));
        }
    }

    private static CameraRig rig(List<PromptSlot> slots) {
        List<Camera> all = slots.stream().map(s -> Rings.orbit(Intrinsics.standard(512), Rings.STANDARD_DISTANCE, s.elevation(), Azimuth.xy(s.azimuth()))).toList();
        return new CameraRig("record", all);
    }

    private void training() {
        String stored = trained.map(TrainedPrompts::valuesSha256).orElse("");
        if (stored.isEmpty()) {
            open("MFL-E124", unet == null ? "no UNet" : "the UNet does not record its prompts");
        } else if (!stored.equals(prompts.valuesSha256())) {
            failed("MFL-E124", "UNet " + unetName + " was trained with prompt set " + trained.get().name() + " (" + stored.substring(0, Math.min(12, stored.length()))
                    + "…); you supplied " + prompts.file() + " (" + prompts.valuesSha256().substring(0, 12) + "…). Use the set of the training");
        } else {
            passed("MFL-E124", "the set the UNet was trained with");
        }
    }
}
