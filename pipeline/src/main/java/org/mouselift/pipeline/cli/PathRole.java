package org.mouselift.pipeline.cli;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** What an argument's path is for, where it is not the usual: an input that must be there before the command begins. See {@link PathCheck}. */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.FIELD)
@interface PathRole {
    /** Kinds of arguments that name files or folders. */
    enum Kind {
        /** Something that must be there. */
        INPUT,
        /** A file that is written. */
        OUTPUT_FILE,
        /** A folder that is written into. */
        OUTPUT_FOLDER,
        /** A file or a folder, by its name. */
        OUTPUT,
        /** A name that may also be that of a camera file. */
        RIG,
        /** A list of samples with its share: {@code train.txt=0.7}. */
        LIST_WITH_SHARE,
        /** An input whose command says more when it is not there: which checkpoints or prompts there are instead. */
        NAMED_BY_COMMAND
    }

    Kind value() default Kind.INPUT;

    /** What the message of a missing input begins with: {@code MFL-E207}; empty for none. */
    String code() default "";
}
