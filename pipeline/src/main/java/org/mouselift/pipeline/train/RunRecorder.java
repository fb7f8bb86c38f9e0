package org.mouselift.pipeline.train;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.PngWriter;
import org.mouselift.engine.MemoryPool;
import org.mouselift.pipeline.cli.Progress;
import org.mouselift.pipeline.log.MetricsLog;

/**
 * Records a run in its folder: scalars of every {@code logEvery}-th pass and of the first hundred passes of the run ({@code metrics.jsonl},
 * CSV, TensorBoard), pictures ({@code pictures/}), and lines for a person.
 */
public final class RunRecorder implements TrainingListener, AutoCloseable {
    private static final int FIRST = 100;

    private final Path folder;
    private final MetricsLog log;
    private final Progress progress;
    private final PrintWriter out;
    private final long start;
    private final int logEvery;
    private final int printEvery;
    private Map<String, Double> lastValidation = Map.of();

    /**
     * @param start passes done before this process
     * @param progress counts passes of this process
     */
    public RunRecorder(Path folder, long start, int logEvery, int printEvery, Progress progress, PrintWriter out) throws IOException {
        this.folder = folder;
        this.log = MetricsLog.resume(folder, start);
        for (MetricsLog.Row row : MetricsLog.read(folder.resolve(MetricsLog.FILE_NAME))) {
            if (row.values().keySet().stream().allMatch(name -> name.startsWith("val/"))) {
                lastValidation = row.values();
            }
        }
        this.progress = progress;
        this.out = out;
        this.start = start;
        this.logEvery = Math.max(1, logEvery);
        this.printEvery = Math.max(1, printEvery);
    }

    @Override
    public void note(String text) {
        out.println(text);
        out.flush();
    }

    @Override
    public void pass(long pass, long last, Map<String, Double> values) throws IOException {
        if (pass <= FIRST || pass % logEvery == 0 || pass == last) {
            log.scalars(pass, values);
        }
        progress.note(String.format(Locale.ROOT, "loss %.5f%s  lr %.2e  memory %d MB", values.get("train/loss"),
                psnr(values), values.get("metrics/lr"), MemoryPool.usage().peakBytes() >> 20));
        progress.to(pass - start);
        if (pass % printEvery == 0) {
            Double norm = values.get("metrics/grad_norm");
            note(String.format(Locale.ROOT, "pass %d/%d  loss %.6f%s%s  %.2f s", pass, last, values.get("train/loss"),
                    psnr(values), norm == null ? "" : String.format(Locale.ROOT, "  grad norm %.3f", norm), values.get("metrics/iter_time")));
        }
    }

    /** Stages that do not make pictures at every pass have no PSNR. */
    private static String psnr(Map<String, Double> values) {
        Double psnr = values.get("train/psnr");
        return psnr == null ? "" : String.format(Locale.ROOT, "  PSNR %.2f dB", psnr);
    }

    @Override
    public void validated(long pass, Map<String, Double> values) throws IOException {
        lastValidation = new LinkedHashMap<>(values);
        log.scalars(pass, values);
        StringBuilder line = new StringBuilder("validation at pass " + pass + ":");
        values.forEach((k, v) -> {
            // What is said of the parts of a value is in the log alone.
            if (k.indexOf('/') == k.lastIndexOf('/')) {
                line.append(String.format(Locale.ROOT, "  %s %.4f", k.substring(k.indexOf('/') + 1), v));
            }
        });
        note(line.toString());
    }

    @Override
    public Map<String, Double> lastValidation() {
        return lastValidation;
    }

    @Override
    public void picture(long pass, String name, BufferedImage picture) throws IOException {
        byte[] rgb = new byte[picture.getWidth() * picture.getHeight() * 3];
        for (int i = 0; i < rgb.length / 3; i++) {
            int v = picture.getRGB(i % picture.getWidth(), i / picture.getWidth());
            rgb[3 * i] = (byte) (v >> 16);
            rgb[3 * i + 1] = (byte) (v >> 8);
            rgb[3 * i + 2] = (byte) v;
        }
        Image8 image = new Image8(picture.getWidth(), picture.getHeight(), 3, rgb);
        Path file = folder.resolve("pictures").resolve(String.format("%s_%08d.png", name.replace('/', '_'), pass));
        Files.createDirectories(file.getParent());
        PngWriter.write(file, image);
        log.image(pass, "images/" + name, image);
    }

    @Override
    public void saved(Path file) {
        note("checkpoint " + file);
    }

    @Override
    public void close() throws IOException {
        progress.close();
        log.close();
    }
}
